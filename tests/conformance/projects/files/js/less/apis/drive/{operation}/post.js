// Every operation of files; what went wrong is its answer.
const { files } = require('@chuva.io/less');

const operations = {
  create_upload_url: ({ path, options }) => files.create_upload_url(path, options),
  get_url: ({ path, options }) => files.get_url(path, options),
  list: ({ prefix }) => files.list(prefix),
  delete: ({ path }) => files.delete(path),
};

exports.process = async ({ params, body }) => {
  try {
    return { body: { result: await operations[params.operation](JSON.parse(body)) } };
  } catch (error) {
    return { statusCode: 400, body: { code: error.code, message: error.message } };
  }
};
