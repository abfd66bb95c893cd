import { API } from './config.js';

const element = (id) => document.getElementById(id);
const say = (text) => (element('said').textContent = text);
const euros = (cents) => `${(cents / 100).toFixed(2)} €`;

element('add').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  await trying(async () => {
    const product = await post('products', { name: form.name.value, cents: form.cents.valueAsNumber });
    const picture = form.picture.files[0];
    if (picture) await fetch(product.upload_url, { method: 'PUT', body: picture });
    form.reset();
    say(`${product.name} is for sale.`);
    await show();
    // That a picture has arrived is an event, which somebody has to hear first.
    setTimeout(() => trying(show), 1_000);
  });
});

await trying(show);

async function show() {
  const products = await answer_of(await fetch(`${API}/products`));
  element('products').replaceChildren(...products.map(shelf));
}

function shelf(product) {
  const [place, picture, label, button] = ['li', 'img', 'p', 'button'].map((tag) => document.createElement(tag));
  if (product.picture) picture.src = product.picture;
  picture.alt = product.name;
  label.textContent = `${product.name}, ${euros(product.cents)}`;
  button.textContent = 'Buy it';
  button.addEventListener('click', () => trying(() => buy(product)));
  place.append(picture, label, button);
  return place;
}

async function buy(product) {
  const { cents, saved } = await post('orders', { product: product.id, voucher: element('voucher').value });
  say(`${product.name} is yours for ${euros(cents)}${saved ? `, ${euros(saved)} saved` : ''}.`);
}

async function post(path, body) {
  return answer_of(await fetch(`${API}/${path}`, { method: 'POST', body: JSON.stringify(body) }));
}

async function answer_of(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function trying(what) {
  try {
    await what();
  } catch (error) {
    say(`That did not work: ${error.message}. The API is looked for at ${API}.`);
  }
}
