//! What editors and `tsc` are told.

use less_project::{Project, tsconfig, typescript_declarations};

use crate::folder::Folder;

fn project() -> Project {
    let folder = Folder::new(
        "less/functions/total-price/index.ts
         less/shared/models/index.ts
         less/shared/money/index.ts
         less/topics/order-placed/payment/index.ts
         less/topics/order-placed/stock/index.ts
         less/topics/paid/",
    );
    folder.discover().unwrap()
}

#[test]
fn the_declarations_name_topics_and_functions_as_handlers_may_write_them() {
    let text = typescript_declarations(&project());
    let expected = "
  export interface Topics {
    /** Subscribers: payment, stock. */
    \"order-placed\": Topic;
    /** Subscribers: payment, stock. */
    \"order_placed\": Topic;
    /** Without subscribers. */
    \"paid\": Topic;
  }
";
    assert!(text.contains(expected), "{text}");
    let expected = "
  export interface Functions {
    /** functions/total-price */
    \"total-price\": CloudFunction;
    /** functions/total-price */
    \"total_price\": CloudFunction;
  }
";
    assert!(text.contains(expected), "{text}");
    let empty = typescript_declarations(&Folder::new("less/apis/x/get.ts").discover().unwrap());
    assert!(empty.contains("export interface Topics {\n  }"), "{empty}");
    assert!(!empty.contains("/*topics") && !empty.contains("/*functions"), "{empty}");
}

#[test]
fn the_configuration_finds_shared_modules() {
    let config: serde_json::Value = serde_json::from_str(&tsconfig(&project())).unwrap();
    let expected = serde_json::json!({
        "models": ["./less/shared/models"],
        "models/*": ["./less/shared/models/*"],
        "money": ["./less/shared/money"],
        "money/*": ["./less/shared/money/*"],
    });
    assert_eq!(config["compilerOptions"]["paths"], expected);
    let alone = tsconfig(&Folder::new("less/apis/x/get.ts").discover().unwrap());
    let alone: serde_json::Value = serde_json::from_str(&alone).unwrap();
    assert_eq!(alone["compilerOptions"]["paths"], serde_json::json!({}));
}
