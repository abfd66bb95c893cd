// Publishes a text of so many bytes of JSON.
const { topics } = require('@chuva.io/less');

exports.process = async ({ query }) => {
  try {
    return { body: await topics.heard.publish('x'.repeat(Number(query.bytes) - 2)) };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
