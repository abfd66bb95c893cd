//! Open connections from outside: their contract.

use less_store::{Embedded, Hands, contract, memory::Memory};

const NOW: i64 = 1_800_000_000_000;

#[tokio::test]
async fn the_embedded_store_keeps_the_contract_of_connections() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    for _ in 0..2 {
        let store = Embedded::open(home.path(), hands.clock()).unwrap();
        contract::check_connections(&store, &store, &hands).await;
    }
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_connections() {
    let hands = Hands::at(NOW);
    let store = Memory::new(hands.clock());
    contract::check_connections(&store, &store, &hands).await;
}
