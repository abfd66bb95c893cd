//! `examples/shop`: a product and its picture, a price from Python, and a voucher from another project's event.

use less_tests::harness::{Home, Project, Request, eventually, http, repository};
use serde_json::{Value, json};

fn deployed<'h>(home: &'h Home, name: &str) -> (Project<'h>, String) {
    let project = Project::copy_of(home, name, &repository(&format!("examples/{name}")));
    project.deploy();
    let api = project.url(if name == "shop" { "shop" } else { "orders" });
    (project, api)
}

fn post(url: &str, body: &Value) -> Value {
    http::post(url, body.to_string()).expect(201).json()
}

#[test]
fn a_product_shows_its_picture_once_that_has_arrived() {
    let home = Home::new();
    let (_project, api) = deployed(&home, "shop");
    let products = format!("{api}/products");
    let product = post(&products, &json!({ "name": "Mug", "cents": 1250 }));
    let listed = || http::get(&products).expect(200).json()[0].clone();
    assert_eq!(listed()["picture"], Value::Null);

    let upload = product["upload_url"].as_str().expect("a URL for the picture");
    Request::new("PUT", upload).header("content-type", "image/png").body("not really a picture").send().expect(200);
    eventually("the product has its picture", || listed()["picture"].is_string());
    let picture = http::get(listed()["picture"].as_str().unwrap()).expect(200);
    assert_eq!((picture.header("content-type"), picture.text().as_str()), (Some("image/png"), "not really a picture"));
}

#[test]
fn who_had_a_meal_pays_less() {
    let home = Home::new();
    let (_shop, api) = deployed(&home, "shop");
    let (_meals, meals) = deployed(&home, "food-delivery");
    let product = post(&format!("{api}/products"), &json!({ "name": "Mug", "cents": 1255 }));
    let buy = |voucher: &Value| {
        post(&format!("{api}/orders"), &json!({ "product": product["id"], "count": 3, "voucher": voucher }))
    };
    assert_eq!(buy(&Value::Null), json!({ "product": "Mug", "count": 3, "cents": 3765, "saved": 0 }));

    let meal = post(&format!("{meals}/orders"), &json!({ "item": "pizza" }));
    eventually("the meal's id is a voucher", || buy(&meal["id"])["saved"] == 377);
    assert_eq!(buy(&json!("made up"))["saved"], 0);
}

#[test]
fn what_makes_no_sense_is_refused_and_the_store_is_served() {
    let home = Home::new();
    let (project, api) = deployed(&home, "shop");
    http::post(&format!("{api}/products"), r#"{"name":"Mug","cents":1.5}"#).expect(400);
    http::post(&format!("{api}/orders"), r#"{"product":"none"}"#).expect(404);
    http::post(&format!("{api}/orders"), "none").expect(400);
    let resources = project.resources();
    let store = resources["websites"][0]["url"].as_str().expect("the store has an address");
    assert!(http::get(store).expect(200).text().contains("store.js"));
}
