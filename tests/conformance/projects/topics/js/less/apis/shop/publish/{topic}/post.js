// Publishes what it is sent; what went wrong is its answer.
const { topics } = require('@chuva.io/less');

exports.process = async ({ params, body }) => {
  try {
    return { body: await topics[params.topic].publish(JSON.parse(body)) };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
