//! The pages of `examples/chat` and `examples/shop` in a real browser, where that is to be had.

use less_tests::harness::{Browser, Home, Project, repository};

/// A deployed example, and the address of its site.
fn deployed<'h>(home: &'h Home, name: &str) -> (Project<'h>, String) {
    let project = Project::copy_of(home, name, &repository(&format!("examples/{name}")));
    project.deploy();
    let page = project.resources()["websites"][0]["url"].as_str().expect("the site has an address").to_owned();
    (project, page)
}

#[test]
fn two_people_talk_and_one_takes_another_name() {
    let home = Home::new();
    let (project, page) = deployed(&home, "chat");
    let Some(browser) = Browser::start(&home) else { return };
    let resources = project.resources();
    let socket = resources["sockets"][0]["url"].as_str().expect("the socket has an address");
    let [ada, bob] = ["Ada", "Bob"].map(|name| {
        let window = browser.open(&format!("{page}/?socket={socket}"));
        window.wait_until("document.getElementById('people').textContent.startsWith('Here: ')");
        window.run(&format!(
            "document.getElementById('name').value = '{name}'; document.getElementById('rename').requestSubmit()"
        ));
        window
    });
    for window in [&ada, &bob] {
        window.wait_until("document.getElementById('people').textContent === 'Here: Ada, Bob'");
    }
    bob.run("document.getElementById('text').value = '<b>hello</b>'; document.getElementById('say').requestSubmit()");
    for window in [&ada, &bob] {
        window.wait_until("document.querySelector('.message')?.textContent === 'Bob: <b>hello</b>'");
        window.expect_no_errors();
    }
}

/// A picture of one pixel, chosen in the form as a person would.
const CHOOSE_PICTURE: &str = "
const bytes = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  (each) => each.charCodeAt(0),
);
const chosen = new DataTransfer();
chosen.items.add(new File([bytes], 'mug.png', { type: 'image/png' }));
document.querySelector('[name=picture]').files = chosen.files;
document.querySelector('[name=name]').value = 'Mug';
document.querySelector('[name=cents]').value = 1250;
document.getElementById('add').requestSubmit();
";

#[test]
fn a_product_is_added_with_its_picture_and_bought() {
    let home = Home::new();
    let (project, page) = deployed(&home, "shop");
    project.write("less/statics/store/config.js", &format!("export const API = '{}';\n", project.url("shop")));
    project.run(&["deploy", "shop", "--static"]).succeeded();
    let Some(browser) = Browser::start(&home) else { return };
    let store = browser.open(&page);
    store.run(CHOOSE_PICTURE);
    store.wait_until("document.querySelector('#products p')?.textContent === 'Mug, 12.50 €'");
    store.run("document.querySelector('#products button').click()");
    store.wait_until("document.getElementById('said').textContent === 'Mug is yours for 12.50 €.'");
    store.wait_until("document.querySelector('#products img')?.naturalWidth === 1");
    store.expect_no_errors();
}
