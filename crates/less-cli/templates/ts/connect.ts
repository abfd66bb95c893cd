interface Connection {
  connection_id: string;
  headers: Record<string, string>;
  query: Record<string, string>;
}

// A client has connected. To refuse it, throw or return { statusCode: 403 }.
export const process = async ({ connection_id }: Connection): Promise<{ statusCode: number } | void> => {
  console.log(`${connection_id} has connected`);
  // Keep the id (in kvs, for example) to send to this client later.
};
