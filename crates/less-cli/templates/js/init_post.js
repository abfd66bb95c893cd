const { topics } = require('@chuva.io/less');

// POST /orders: answers at once; what takes longer is done by the subscribers of order_placed.
exports.process = async (request, response) => {
  let order;
  try {
    order = JSON.parse(request.body);
  } catch {
    response.statusCode = 400;
    response.body = { error: 'The body is not JSON.' };
    return response;
  }
  const { id } = await topics.order_placed.publish(order);
  response.statusCode = 202;
  response.body = { id };
  return response;
};
