import type { Connecting } from '@chuva.io/less';

// A client has connected; its headers and query are there, too. To refuse it, throw or return { statusCode: 403 }.
export const process = async ({ connection_id }: Connecting): Promise<{ statusCode: number } | void> => {
  console.log(`${connection_id} has connected`);
  // Keep the id (in kvs, for example) to send to this client later.
};
