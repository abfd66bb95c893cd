const { sockets } = require('@chuva.io/less');

exports.process = async (message, { message_id, published_at }) => {
  // The page shows each id once, should this be delivered again.
  await sockets.chat.broadcast({ id: message_id, at: published_at, ...message });
};
