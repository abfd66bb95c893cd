// What editors and `tsc` know of '@chuva.io/less' where no project is known: any topic, socket and function is taken.
// A build writes the declarations of its project, with the same names, and there a misspelt topic is an error.

/** The project's topics: `await topics.order_placed.publish({ id: 7 })`. */
export const topics: Topics;

/** The project's functions, in whatever language: `await functions.charge({ card })`. */
export const functions: Functions;

/** The project's key-value store. A change is durable when its promise resolves. */
export const kvs: Kvs;

/** The project's sockets: `await sockets.chat.publish({ text }, [connection_id])`. */
export const sockets: Sockets;

/** The project's files: what they are called, and URLs to bring and fetch their bytes. */
export const files: Files;

export interface Topics {
  [name: string]: Topic;
}

export interface Functions {
  [name: string]: CloudFunction;
}

export interface Sockets {
  [name: string]: Socket;
}

export interface Files {
  /** A URL to which the bytes are sent with PUT. */
  create_upload_url(path: string, options?: UrlOptions): Promise<string>;
  createUploadUrl(path: string, options?: UrlOptions): Promise<string>;
  /** A URL from which they are fetched; of a path that begins with `public/` one without a signature and without end. */
  get_url(path: string, options?: UrlOptions): Promise<string>;
  getUrl(path: string, options?: UrlOptions): Promise<string>;
  /** The files whose paths begin with `prefix`, in the order of their bytes; at most 1,000. */
  list(prefix?: string, options?: ListOptions): Promise<FileEntry[]>;
  /** Whether there was something to delete. */
  delete(path: string): Promise<boolean>;
}

export interface UrlOptions {
  /** Seconds until the URL is refused: an hour unless given, a week at most. */
  expires_in?: number;
  expiresIn?: number;
}

/** A file; the topic `files_uploaded` tells the same of each upload. */
export interface FileEntry {
  path: string;
  /** Bytes. */
  size: number;
  content_type: string;
  /** Another one after every upload. */
  etag: string;
  /** Milliseconds since 1970. */
  uploaded_at: number;
}

/** Any value that JSON has; `undefined` is none. */
export type Json = {} | null;

export interface Topic {
  /** Resolves once the message survives a power cut. At most 256 KiB. */
  publish(message: Json, options?: PublishOptions): Promise<{ id: string }>;
}

export interface PublishOptions {
  /** Seconds until it is delivered. */
  delay?: number;
  /** Published again with an equal key within 24 h, it is accepted and dropped, with the first one's id. */
  idempotency_key?: string;
  idempotencyKey?: string;
  /** Messages of one key reach a subscriber in order, one at a time. */
  ordering_key?: string;
  orderingKey?: string;
}

export interface Socket {
  /** Sends it, as JSON, to these connections: one id, or several. At most 32 KiB. */
  publish(message: Json, connections: string | Iterable<string | null | undefined> | null | undefined): Promise<Sent>;
  /** Sends it to everybody who is connected. */
  broadcast(message: Json): Promise<Sent>;
}

export interface Sent {
  /** How many connections will get it. */
  sent: number;
  /** Those that are not there, or not any more. */
  gone: string[];
}

/** What the `connect` of a socket gets; what throws, or returns a `statusCode` from 400 on, refuses. */
export interface Connecting {
  connection_id: string;
  /** Found by their names in any case. */
  headers: Record<string, string | undefined>;
  /** Of a repeated name the last value. */
  query: Record<string, string | undefined>;
}

/** What the `disconnect` of a socket gets. */
export interface Disconnected {
  connection_id: string;
}

/** What a channel of a socket gets. */
export interface Heard<Data = any> {
  /** What the client sent with the channel's name. */
  data: Data;
  connection_id: string;
}

/** Calls a function and gives its result; what the function throws is thrown here, as `FunctionError`. */
export type CloudFunction = <Result = any>(payload?: unknown) => Promise<Result>;

export interface Kvs {
  /** The value, or null if there is none. */
  get<Value = any>(key: string): Promise<Value | null>;
  /** The value with its version, or null if there is none. */
  get_with_version<Value = any>(key: string): Promise<{ value: Value; version: number } | null>;
  getWithVersion<Value = any>(key: string): Promise<{ value: Value; version: number } | null>;
  /** Replaces value and time to live; a number is `ttl`. */
  set(key: string, value: Json, how?: number | SetOptions): Promise<{ version: number }>;
  /** Whether there was something to delete. */
  delete(key: string): Promise<boolean>;
  /** Adds to a number, to 0 if there is none; the new number. */
  increment(key: string, by?: number): Promise<number>;
  /** The keys that begin with `prefix`, in the order of their bytes; at most 1,000. */
  list(prefix?: string, options?: ListOptions): Promise<string[]>;
}

export interface SetOptions {
  /** Seconds until it expires. */
  ttl?: number;
  /** Only if the value there has this version (0: only if there is none); else the error `version_conflict`. */
  if_version?: number;
  ifVersion?: number;
}

export interface ListOptions {
  /** Only keys (or paths) after this one. */
  after?: string;
  limit?: number;
}

/** Why a call failed. */
export class CallError extends Error {
  constructor(code: string, message: string);
  /** Stable: `message_too_large`, `version_conflict`, `busy`, … */
  code: string;
}

/** What a called function threw: its message, and in `name` the name of its error. */
export class FunctionError extends CallError {
  constructor(message: string, name?: string);
}

/** Thrown by a handler: not to be tried again. */
export class NonRetriableError extends Error {}

/** The last argument of every `process` that declares it. Times are milliseconds since 1970. */
export interface Context {
  project: string;
  /** The handler's identity: `topics/order_placed/payment`. */
  handler: string;
  invocation_id: string;
  trace_id: string;
  /** Null unless a message is delivered, or a cron is due. */
  message_id: string | null;
  /** 1 on the first attempt. */
  attempt: number;
  /** Null where `message_id` is. */
  published_at: number | null;
  deadline: number;
}

/** What a route gets. */
export interface Request {
  method: string;
  path: string;
  /** Found by their names in any case. */
  headers: Record<string, string | undefined>;
  /** The text as it came, '' without one, base64 when `is_base64`; or what a middleware has put there. */
  body: any;
  is_base64: boolean;
  /** Of a repeated name the last value. */
  query: Record<string, string | undefined>;
  query_all: Record<string, string[] | undefined>;
  params: Record<string, string>;
}

/** What a route gets to change or to replace; what it returns may leave out any part. */
export interface Response {
  statusCode: number;
  status_code?: number;
  headers: Record<string, string | number | boolean | string[] | undefined>;
  /** A string, bytes, or what is sent as JSON. */
  body: any;
}

/** Runs what follows, and gives its response. It need not be awaited. */
export type Next = (error?: unknown) => Promise<Partial<Response>>;

/** `export const middlewares: Middleware[] = [...]` beside a route's `process`. */
export type Middleware = (
  request: Request,
  response: Response,
  next: Next,
) => Partial<Response> | void | Promise<Partial<Response> | void>;

declare const less: {
  topics: Topics;
  functions: Functions;
  kvs: Kvs;
  sockets: Sockets;
  files: Files;
  NonRetriableError: typeof NonRetriableError;
  CallError: typeof CallError;
  FunctionError: typeof FunctionError;
};
export default less;
