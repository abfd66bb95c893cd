// Calls the function with what it is sent; what it threw is its answer.
const { functions } = require('@chuva.io/less');

exports.process = async ({ params, body }) => {
  try {
    const result = await functions[params.name](body === '' ? undefined : JSON.parse(body));
    return { body: { result } };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
