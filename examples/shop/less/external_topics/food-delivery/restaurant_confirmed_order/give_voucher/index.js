const { kvs } = require('@chuva.io/less');

const DAYS = 24 * 3600;

exports.process = async (meal) => {
  await kvs.set(`voucher:${meal.id}`, 10, 30 * DAYS);
  console.log(`10 % for ${meal.id}`);
};
