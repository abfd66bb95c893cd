const { v4: uuid } = require('uuid');
const { topics } = require('@chuva.io/less');
const json_body = require('json_body');
const log = require('service_log')('ORDER');

exports.middlewares = [json_body];

exports.process = async (request, response) => {
  const order = { ...request.body, id: uuid(), status: 'placed' };
  log(order, 'order placed');
  await topics.order_placed.publish(order);

  response.statusCode = 201;
  response.body = order;
  return response;
};
