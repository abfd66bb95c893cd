use less_store::{Embedded, Hands, contract, memory::Memory};

const NOW: i64 = 1_800_000_000_000;

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    contract::check(&store, &hands).await;
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let hands = Hands::at(NOW);
    contract::check(&Memory::new(hands.clock()), &hands).await;
}

#[tokio::test]
async fn a_store_that_was_opened_again_keeps_the_contract() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    for _ in 0..2 {
        contract::check(&Embedded::open(home.path(), hands.clock()).unwrap(), &hands).await;
    }
}
