// The SDK, there without installing anything.
import { files, functions, kvs, sockets, topics } from '@chuva.io/less';

export const process = async () => ({ body: [topics, sockets, functions, kvs, files].map((each) => typeof each) });
