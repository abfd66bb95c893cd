// Deploys this project, places an order that the restaurant takes and one that it refuses, and prints the path that
// each took through the handlers. Everything it prints about a path comes from the handlers' own log lines.
//
//   node demo.mjs            uses the `less-cli` in PATH; LESS_CLI names another one

import { execFile, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROJECT = 'food-delivery';
const CLI = process.env.LESS_CLI ?? 'less-cli';
const FOLDER = dirname(fileURLToPath(import.meta.url));

const ROUTE = 'apis/orders/orders/post';
const PAID = [
  ROUTE,
  'topics/order_placed/payment_service_process_payment',
  'topics/payment_success/restaurant_service_confirm_order',
];
const CONFIRMED = [
  ...PAID,
  'topics/restaurant_confirmed_order/order_service_update_order_status',
  'topics/restaurant_confirmed_order/notification_service_notify_user',
  'topics/restaurant_confirmed_order/delivery_partner_service_assign_delivery_partner',
  'topics/restaurant_confirmed_order/loyalty_service_add_loyalty_points',
  'topics/delivery_partner_assigned/order_service_update_order_status',
  'topics/delivery_partner_assigned/notification_service_notify_user',
];
const REFUSED = [
  ...PAID,
  'topics/restaurant_order_confirmation_failed/payment_service_initiate_payment_reversal',
  'topics/restaurant_order_confirmation_failed/notification_service_notify_user',
  'topics/restaurant_order_confirmation_failed/order_service_update_order_status',
  'topics/payment_reversed/notification_service_notify_user',
];

try {
  const api = await deploy();
  await place_and_show(api, 'An order that the restaurant takes', { item: 'pizza' }, CONFIRMED);
  await place_and_show(api, 'An order that the restaurant refuses', { item: 'sushi', fail: true }, REFUSED);
  console.log(`
The project goes on running at ${api}

  one more order     curl -X POST ${api}/orders -d '{"item":"pasta"}'
  a handler's log    ${CLI} log --project ${PROJECT} --path topics/payment_success/restaurant_service_confirm_order
  stop the server    ${CLI} server stop`);
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}

/** Deploys the folder this file stands in; resolves with the URL of the API `orders`, as `deploy` prints it. */
async function deploy() {
  const child = spawn(CLI, ['deploy', PROJECT], { cwd: FOLDER, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${CLI} does not start: ${error.message}`)));
    child.once('close', resolve);
  });
  const url = / - orders: (\S+)$/m.exec(output)?.[1];
  if (code !== 0 || !url) throw new Error('the deployment failed; its output above says why');
  return url;
}

async function place_and_show(api, title, wanted, path) {
  const response = await fetch(`${api}/orders`, { method: 'POST', body: JSON.stringify(wanted) });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`POST ${api}/orders answered ${response.status}: ${text}`);
  const order = JSON.parse(text);
  console.log(`\n${title}: POST /orders ${JSON.stringify(wanted)} -> 201, id ${order.id}\n`);
  console.log(timeline(await lines_of(order.id, path), order.id));
}

/** The order's log lines, once every handler of its path has written one. */
async function lines_of(id, path) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const lines = (await log()).filter((line) => line.text.includes(id));
    const missing = path.filter((handler) => !lines.some((line) => line.path === handler));
    if (missing.length === 0) return lines.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
    if (Date.now() > deadline) {
      throw new Error(`after 30 s these handlers have not logged order ${id}: ${missing.join(', ')}`);
    }
    await pause(100);
  }
}

/** The project's log of the last ten minutes: one JSON object a line. */
async function log() {
  const args = ['log', '--project', PROJECT, '--since', '10m', '--json'];
  const { stdout } = await promisify(execFile)(CLI, args, { maxBuffer: 1 << 28 });
  return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

function timeline(lines, id) {
  const rows = lines.map((line) => ({
    offset: `+${Date.parse(line.time) - Date.parse(lines[0].time)} ms`,
    handler: line.path,
    text: line.text.replace(` ${id}`, ''),
  }));
  const width = (column) => Math.max(...rows.map((row) => row[column].length));
  const [offsets, handlers] = [width('offset'), width('handler')];
  return rows.map((row) => `  ${row.offset.padStart(offsets)}  ${row.handler.padEnd(handlers)}  ${row.text}`).join('\n');
}
