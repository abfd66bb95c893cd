//! A project to begin with: a route that publishes, and two who hear of it.

use super::templates::filled;
use super::{Coded, Plan, Template};

const GITIGNORE: &str = include_str!("../../templates/init_gitignore");
const README: &str = include_str!("../../templates/init_readme.md");

/// `name`: that of the project; `is_folders`: it is that of its folder, too.
pub(crate) fn starting(name: &str, is_folders: bool, coded: Coded) -> Plan {
    let topic = "less/topics/order_placed";
    let code = |template| coded.text(template, &[]);
    let files = vec![
        (format!("less/apis/shop/orders/post.{}", coded.extension()), code(Template::InitPost)),
        (coded.index(&format!("{topic}/confirm_order")), code(Template::InitConfirm)),
        (coded.index(&format!("{topic}/prepare_delivery")), code(Template::InitPrepare)),
        (".gitignore".to_owned(), GITIGNORE.to_owned()),
        ("README.md".to_owned(), readme(name, is_folders, coded)),
    ];
    Plan { files, ..Plan::default() }
}

fn readme(name: &str, is_folders: bool, coded: Coded) -> String {
    let words = [("project", name), ("run", &run_command(name, is_folders)), ("language", coded.extension())];
    filled(README, &words)
}

/// `run` takes the folder's name where it can.
pub(crate) fn run_command(name: &str, is_folders: bool) -> String {
    if is_folders { "less-cli run".to_owned() } else { format!("less-cli run {name}") }
}
