// Publishes what it is sent; what failed is its answer.
const { sockets } = require('@chuva.io/less');

exports.process = async ({ body }) => {
  const { message, to } = JSON.parse(body);
  try {
    return { body: await (to === null ? sockets.chat.broadcast(message) : sockets.chat.publish(message, to)) };
  } catch (error) {
    return { body: { code: error.code } };
  }
};
