// Every operation of the store; what went wrong is its answer.
import { kvs, type CallError, type Request, type SetOptions } from '@chuva.io/less';

interface Asked {
  key: string;
  value: {} | null;
  ttl?: number;
  options?: SetOptions;
  prefix?: string;
  by?: number;
  bytes: number;
}

const operations: Record<string, (asked: Asked) => Promise<unknown>> = {
  get: ({ key }) => kvs.get<unknown>(key),
  get_with_version: ({ key }) => kvs.get_with_version(key),
  set: ({ key, value, ttl }) => kvs.set(key, value, ttl),
  set_with: ({ key, value, options }) => kvs.set(key, value, options),
  delete: ({ key }) => kvs.delete(key),
  list: ({ prefix }) => kvs.list(prefix),
  increment: ({ key, by }) => kvs.increment(key, by),
  sized: ({ key, bytes }) => kvs.set(key, 'x'.repeat(bytes - 2)),
};

export const process = async ({ params, body }: Request) => {
  try {
    return { body: { result: (await operations[params.operation]!(JSON.parse(body))) ?? null } };
  } catch (error) {
    const { code, message } = error as CallError;
    return { statusCode: 400, body: { code, message } };
  }
};
