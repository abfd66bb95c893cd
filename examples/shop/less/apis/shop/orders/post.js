const { functions, kvs } = require('@chuva.io/less');
const json_body = require('json_body');

exports.middlewares = [json_body];

exports.process = async ({ body: { product, count = 1, voucher } }) => {
  const found = await kvs.get(`product:${product}`);
  if (found === null) return { statusCode: 404, body: { error: 'there is no such product' } };
  const price = await functions.price({ cents: found.cents, count, voucher });
  console.log(`${count} of ${found.name} for ${price.cents} cents`);
  return { statusCode: 201, body: { product: found.name, count, ...price } };
};
