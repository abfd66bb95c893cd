const { sockets } = require('@chuva.io/less');

// A client has sent {"channel": "{{channel}}", "data": …}.
exports.process = async ({ data, connection_id }) => {
  // Back to who sent it; sockets{{socket}}.broadcast(data) reaches all.
  await sockets{{socket}}.publish(data, [connection_id]);
};
