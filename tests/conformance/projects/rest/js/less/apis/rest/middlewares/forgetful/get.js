// Nobody awaits what next() gives.
const { sleep } = require('notes');

const forgetful = (request, response, next) => {
  next();
};

exports.middlewares = [forgetful, forgetful];

exports.process = async (request, response) => {
  await sleep(100);
  response.statusCode = 201;
  response.body = 'late';
  return response;
};
