// Every operation of the store; what went wrong is its answer.
const { kvs } = require('@chuva.io/less');

const operations = {
  get: ({ key }) => kvs.get(key),
  get_with_version: ({ key }) => kvs.get_with_version(key),
  set: ({ key, value, ttl }) => kvs.set(key, value, ttl),
  set_with: ({ key, value, options }) => kvs.set(key, value, options),
  delete: ({ key }) => kvs.delete(key),
  list: ({ prefix }) => kvs.list(prefix),
  increment: ({ key, by }) => kvs.increment(key, by),
  sized: ({ key, bytes }) => kvs.set(key, 'x'.repeat(bytes - 2)),
};

exports.process = async ({ params, body }) => {
  try {
    return { body: { result: (await operations[params.operation](JSON.parse(body))) ?? null } };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
