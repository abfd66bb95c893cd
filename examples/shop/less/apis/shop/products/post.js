const { randomUUID } = require('node:crypto');
const { files, kvs } = require('@chuva.io/less');
const json_body = require('json_body');

exports.middlewares = [json_body];

exports.process = async ({ body: { name, cents } }) => {
  if (typeof name !== 'string' || !Number.isInteger(cents) || cents < 0) {
    return { statusCode: 400, body: { error: 'a product has a name, and a price in cents' } };
  }
  const product = { id: randomUUID(), name, cents };
  await kvs.set(`product:${product.id}`, product);
  const upload_url = await files.create_upload_url(`public/products/${product.id}`, { expires_in: 600 });
  return { statusCode: 201, body: { ...product, upload_url } };
};
