// Every operation of files; what went wrong is its answer.
import { files, type CallError, type Request, type UrlOptions } from '@chuva.io/less';

interface Asked {
  path: string;
  options?: UrlOptions;
  prefix?: string;
}

const operations: Record<string, (asked: Asked) => Promise<unknown>> = {
  create_upload_url: ({ path, options }) => files.create_upload_url(path, options),
  get_url: ({ path, options }) => files.get_url(path, options),
  list: ({ prefix }) => files.list(prefix),
  delete: ({ path }) => files.delete(path),
};

export const process = async ({ params, body }: Request) => {
  try {
    return { body: { result: await operations[params.operation]!(JSON.parse(body)) } };
  } catch (error) {
    const { code, message } = error as CallError;
    return { statusCode: 400, body: { code, message } };
  }
};
