const { sockets } = require('@chuva.io/less');

exports.process = async ({ data, connection_id }) => {
  await sockets.chat.publish({ said: data, by: connection_id }, [connection_id]);
};
