export interface OrderEvent {
  order: string;
  item: string;
  pad: string;
  status: string;
}
