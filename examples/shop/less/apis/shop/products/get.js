const { files, kvs } = require('@chuva.io/less');

exports.process = async () => {
  const products = await Promise.all((await kvs.list('product:')).map((key) => kvs.get(key)));
  return { body: await Promise.all(products.map(with_picture)) };
};

async function with_picture(product) {
  const path = await kvs.get(`picture:${product.id}`);
  return { ...product, picture: path && (await files.get_url(path)) };
}
