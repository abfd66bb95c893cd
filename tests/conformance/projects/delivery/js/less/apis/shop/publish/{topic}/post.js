// Publishes what it is sent, with the options that the query names; what went wrong is its answer.
const { topics } = require('@chuva.io/less');

exports.process = async ({ params, query, body }) => {
  const { delay, idempotency_key, ordering_key } = query;
  const options = { delay: delay && Number(delay), idempotency_key, ordering_key };
  try {
    return { body: await topics[params.topic].publish(JSON.parse(body), options) };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
