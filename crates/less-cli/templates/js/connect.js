// A client has connected. To refuse it, throw or return { statusCode: 403 }.
exports.process = async ({ connection_id, headers, query }) => {
  console.log(`${connection_id} has connected`);
  // Keep the id (in kvs, for example) to send to this client later.
};
