const { topics } = require('@chuva.io/less');

exports.process = async (request) => {
  const { order, item, pad } = JSON.parse(request.body);
  console.log(`order placed order=${order}`);
  await topics.order_placed.publish({ order, item, pad, status: 'placed' });
  return { statusCode: 201, body: { id: order } };
};
