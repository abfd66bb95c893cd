//! The food-delivery flow as another author writes it: CommonJS, `exports.process`, no lock file.

use less_tests::harness::{Home, Project};

/// (handler, service, the topic it publishes to). The restaurant publishes to one of two.
const SUBSCRIBERS: [(&str, &str, Option<&str>); 12] = [
    ("order_placed/payment_service_process_payment", "PAYMENT", Some("payment_success")),
    ("payment_success/restaurant_service_confirm_order", "RESTAURANT", None),
    ("restaurant_confirmed_order/order_service_update_order_status", "ORDER", None),
    ("restaurant_confirmed_order/notification_service_notify_user", "NOTIFICATION", None),
    (
        "restaurant_confirmed_order/delivery_partner_service_assign_delivery_partner",
        "DELIVERY PARTNER",
        Some("delivery_partner_assigned"),
    ),
    ("restaurant_confirmed_order/loyalty_service_add_loyalty_points", "LOYALTY", None),
    ("delivery_partner_assigned/order_service_update_order_status", "ORDER", None),
    ("delivery_partner_assigned/notification_service_notify_user", "NOTIFICATION", None),
    (
        "restaurant_order_confirmation_failed/payment_service_initiate_payment_reversal",
        "PAYMENT",
        Some("payment_reversed"),
    ),
    ("restaurant_order_confirmation_failed/notification_service_notify_user", "NOTIFICATION", None),
    ("restaurant_order_confirmation_failed/order_service_update_order_status", "ORDER", None),
    ("payment_reversed/notification_service_notify_user", "NOTIFICATION", None),
];

const RESTAURANT: &str = "payment_success/restaurant_service_confirm_order";

const POST: &str = "
const { topics } = require('@chuva.io/less');
const { v4: uuidv4 } = require('uuid');

exports.process = async (request, response) => {
  const order = JSON.parse(request.body);
  order.id = uuidv4();
  await topics.order_placed.publish(order);
  response.statusCode = 201;
  response.headers = { 'Content-Type': 'application/json' };
  response.body = JSON.stringify(order);
  return response;
};
";

/// What handlers do besides logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    OnlyLogging,
    /// Each run appends `{ handler, order, message, attempt, pid, at }` to the notes `ran`.
    Noting,
}

/// Makes the project; `uuid` is the version range in its package.json.
pub(crate) fn project<'h>(home: &'h Home, name: &str, uuid: &str, doing: Doing) -> Project<'h> {
    let package = format!(r#"{{ "name": "{name}", "private": true, "dependencies": {{ "uuid": "{uuid}" }} }}"#);
    let mut files =
        vec![("package.json".to_owned(), package), ("less/apis/orders/orders/post.js".to_owned(), POST.to_owned())];
    for (handler, service, publishes) in SUBSCRIBERS {
        let publish = match publishes {
            Some(topic) => format!("await topics.{topic}.publish(order);"),
            None if handler == RESTAURANT => "await (order.fail ? topics.restaurant_order_confirmation_failed \
                                              : topics.restaurant_confirmed_order).publish(order);"
                .to_owned(),
            None => String::new(),
        };
        files.push((format!("less/topics/{handler}/index.js"), subscriber(service, &publish, doing)));
    }
    let borrowed: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    home.project(name, &borrowed)
}

fn subscriber(service: &str, publish: &str, doing: Doing) -> String {
    let topics = "const { topics } = require('@chuva.io/less');";
    match doing {
        Doing::OnlyLogging => format!(
            "{topics}
exports.process = async (order) => {{
  console.log('[{service} SERVICE] handling order', order.id);
  {publish}
}};
"
        ),
        Doing::Noting => format!(
            "{topics}
const {{ note }} = require('notes');
exports.process = async (order, context) => {{
  const {{ handler, message_id: message, attempt }} = context;
  note('ran', {{ handler, order: order.id, message, attempt, pid: process.pid, at: Date.now() }});
  {publish}
}};
"
        ),
    }
}

/// The handlers that a confirmed (`fail`: a refused) order passes through, sorted.
pub(crate) fn path_of(fail: bool) -> Vec<String> {
    let refused_only = |handler: &str| {
        handler.starts_with("restaurant_order_confirmation_failed/") || handler.starts_with("payment_reversed/")
    };
    let shared = |handler: &str| handler.starts_with("order_placed/") || handler.starts_with("payment_success/");
    let taken = SUBSCRIBERS.iter().map(|(handler, ..)| *handler);
    let mut path: Vec<_> = taken
        .filter(|handler| shared(handler) || refused_only(handler) == fail)
        .map(|handler| format!("topics/{handler}"))
        .collect();
    path.sort();
    path
}
