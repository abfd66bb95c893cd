// Written by less-cli: what '@chuva.io/less' is in this project. Changes are overwritten.

declare module '@chuva.io/less' {
  export interface PublishOptions {
    /** Seconds until the message is delivered. */
    delay?: number;
    /** A message with a key that was seen within 24 hours is accepted and dropped. */
    idempotency_key?: string;
    /** Messages with one key reach each subscriber in order, one at a time. */
    ordering_key?: string;
  }

  export interface Topic {
    /** Resolves once the message is safe; `message` is any JSON value, at most 256 KiB. */
    publish(message: any, options?: PublishOptions): Promise<{ id: string }>;
  }

  export interface Topics {
    /*topics*/
  }

  /** The payload and the result are JSON values; what the function throws is thrown here. */
  export type CloudFunction = (payload?: any) => Promise<any>;

  export interface Functions {
    /*functions*/
  }

  export interface SetOptions {
    /** Seconds until the value expires. */
    ttl?: number;
    /** Only if the value there has this version; 0: only if there is none. */
    if_version?: number;
  }

  export interface Kvs {
    get<T = any>(key: string): Promise<T | null>;
    get_with_version<T = any>(key: string): Promise<{ value: T; version: number } | null>;
    /** A number is the seconds until the value expires. */
    set(key: string, value: any, options?: number | SetOptions): Promise<{ version: number }>;
    /** Whether there was a value. */
    delete(key: string): Promise<boolean>;
    /** By 1 unless said; resolves with the new value. */
    increment(key: string, by?: number): Promise<number>;
    /** Keys in order, at most 1,000. */
    list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]>;
  }

  export interface Sockets {}

  export interface Files {}

  export const topics: Topics;
  export const functions: Functions;
  export const kvs: Kvs;
  export const sockets: Sockets;
  export const files: Files;

  /** Thrown by a subscriber: the delivery is not tried again. */
  export class NonRetriableError extends Error {}

  export interface Request {
    method: string;
    path: string;
    /** Found in any case; repeated ones are joined by `, `. */
    headers: { [name: string]: string | undefined };
    /** Of a repeated name the last value. */
    query: { [name: string]: string | undefined };
    query_all: { [name: string]: string[] | undefined };
    params: { [name: string]: string };
    /** Empty without one. */
    body: string;
    /** The body is not UTF-8, and is given in base64. */
    is_base64: boolean;
  }

  export interface Response {
    statusCode: number;
    status_code?: number;
    headers: { [name: string]: string | number | string[] };
    /** Text, a number, bytes, or anything else as JSON. */
    body: any;
  }

  /** The last argument of a handler that declares it. Times are milliseconds since 1970. */
  export interface Context {
    project: string;
    handler: string;
    invocation_id: string;
    trace_id: string;
    message_id: string | null;
    attempt: number;
    published_at: number | null;
    deadline: number;
  }

  /** Runs the rest of the middlewares and the handler. */
  export type Next = (error?: unknown) => Promise<Partial<Response>>;

  export type Middleware = (
    request: Request,
    response: Response,
    next: Next,
  ) => Partial<Response> | void | Promise<Partial<Response> | void>;

  const less: {
    topics: Topics;
    functions: Functions;
    kvs: Kvs;
    sockets: Sockets;
    files: Files;
    NonRetriableError: typeof NonRetriableError;
  };
  export default less;
}
