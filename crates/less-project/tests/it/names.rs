//! Names: each by itself, and beside each other.

use crate::folder::{Folder, check};

#[test]
fn a_name_has_letters_digits_dash_and_underscore_and_begins_with_a_letter() {
    check(
        "less/apis/my api/get.js
         less/apis/v1/1/get.js
         less/apis/v1/a.b/get.js
         less/apis/v1/ok-1_A/get.js
         less/topics/_private/a/index.js
         less/topics/a/{id}/index.js
         less/topics/a/é/index.js
         less/shared/my.module/index.js
         ! less/apis/my api: `my api` is not a valid name
         ! less/apis/v1/1: `1` is not a valid name
         ! less/apis/v1/a.b: `a.b` is not a valid name
         ! less/shared/my.module: `my.module` is not a valid name
         ! less/topics/_private: `_private` is not a valid name
         ! less/topics/a/{id}: `{id}` is not a valid name
         ! less/topics/a/é: `é` is not a valid name",
    );
}

#[test]
fn a_wrong_name_is_shown_a_right_one() {
    let problems = Folder::new("less/topics/2 my topic!/").discover().unwrap_err();
    assert!(problems[0].hint.ends_with("for example my_topic"), "{}", problems[0]);
}

#[test]
fn a_name_has_at_most_64_characters() {
    let (fits, long) = ("a".repeat(64), "b".repeat(65));
    check(&format!(
        "less/topics/{fits}/{fits}/index.js
         less/topics/{fits}/{long}/index.js
         less/apis/x/{{{long}}}/get.js
         ! less/apis/x/{{{long}}}: a name has at most 64 characters, this one has 65
         ! less/topics/{fits}/{long}: a name has at most 64 characters, this one has 65"
    ));
}

#[test]
fn a_dynamic_segment_is_a_whole_folder_in_braces() {
    check(
        "less/apis/x/users/{user_id}/get.js
         less/apis/x/a/{id/get.js
         less/apis/x/b/user-{id}/get.js
         less/apis/x/c/[id]/get.js
         less/apis/x/d/{}/get.js
         ! less/apis/x/a/{id: `{id` is not a valid name
         ! less/apis/x/b/user-{id}: `user-{id}` is not a valid name
         ! less/apis/x/c/[id]: `[id]` is not a valid name
         ! less/apis/x/d/{}: `{}` has no name",
    );
    let problems = Folder::new("less/apis/x/[id]/get.js").discover().unwrap_err();
    assert_eq!(problems[0].hint, "a whole folder may be dynamic: {id}");
}

#[test]
fn one_place_has_one_variable() {
    check(
        "less/apis/x/users/{id}/get.js
         less/apis/x/users/{name}/posts/get.js
         ! less/apis/x/users/{name}: answers the same paths as `{id}` beside it",
    );
}

#[test]
fn a_variable_twice_in_a_path_is_odd() {
    check(
        "less/apis/x/users/{id}/posts/{id}/get.js
         ? less/apis/x/users/{id}/posts/{id}: `{id}` is in this path twice: only the last value reaches the handler",
    );
}

#[test]
fn topics_and_functions_are_no_apis() {
    check(
        "less/apis/topics/get.js
         less/apis/functions/get.js
         less/topics/topics/functions/index.js
         ! less/apis/functions: `functions` cannot be the name of an API
         ! less/apis/topics: `topics` cannot be the name of an API",
    );
}

#[test]
fn words_with_a_meaning_in_a_language_are_no_names() {
    check(
        "less/apis/then/get.js
         less/apis/x/constructor/{then}/get.js
         less/topics/__proto__/a/index.js
         less/topics/a/constructor/index.js
         less/shared/then/index.js
         ! less/apis/then: `then` cannot be a name
         ! less/apis/x/constructor: `constructor` cannot be a name
         ! less/apis/x/constructor/{then}: `then` cannot be a name
         ! less/shared/then: `then` cannot be a name
         ! less/topics/__proto__: `__proto__` cannot be a name
         ! less/topics/a/constructor: `constructor` cannot be a name",
    );
}

#[test]
fn names_differ_in_more_than_capital_letters() {
    check(
        "less/apis/Shop/get.js
         less/apis/shop/get.js
         less/apis/x/Users/get.js
         less/apis/x/users/get.js
         less/topics/a/Pay/index.js
         less/topics/a/pay/index.js
         ! less/apis/shop: differs from `Shop` beside it in capital letters only
         ! less/apis/x/users: differs from `Users` beside it in capital letters only
         ! less/topics/a/pay: differs from `Pay` beside it in capital letters only",
    );
}

#[test]
fn a_dash_and_an_underscore_are_one_name() {
    check(
        "less/topics/order-placed/a/index.js
         less/topics/order_placed/a/index.js
         less/shared/my-models/index.js
         less/shared/my_models/index.js
         ! less/shared/my_models: is taken for `my-models` beside it: handlers may write - as _
         ! less/topics/order_placed: is taken for `order-placed` beside it: handlers may write - as _",
    );
}
