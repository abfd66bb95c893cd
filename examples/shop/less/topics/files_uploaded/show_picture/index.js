const { kvs } = require('@chuva.io/less');

exports.process = async ({ path }) => {
  const id = /^public\/products\/([^/]+)$/.exec(path)?.[1];
  if (id) await kvs.set(`picture:${id}`, path);
};
