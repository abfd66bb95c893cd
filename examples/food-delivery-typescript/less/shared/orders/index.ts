/** An order on its way through the services; each of them passes it on with a new status. */
export interface Order {
  id: string;
  status: string;
  /** The restaurant is to refuse it. */
  fail?: boolean;
  [more: string]: unknown;
}
