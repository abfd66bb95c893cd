//! The port of every site: chosen once, and kept by the home.
//!
//! `<home>/site-ports.json`: `{ "<project>/<site>": <port>, … }`, replaced in one step. A site keeps its port while its project
//! is deployed and after, until the project's data is removed; whoever takes its line out gives it another one at the next
//! deploy. A file that cannot be read is an error: other ports for all sites would be another origin for each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::Context;

use super::SiteId;
use crate::home::write_private;
use crate::triggers::http::{Bound, PortOf, Taken, bind};

type Kept = BTreeMap<String, u16>;

/// One at a time asks for ports, see [`super::Sites`].
pub(super) struct Ports {
    /// None where they are kept by nobody (`run`).
    file: Option<PathBuf>,
    /// The first that is tried for a site that has none; 0 for any.
    base: u16,
}

impl Ports {
    pub(super) fn new(file: Option<PathBuf>, base: u16) -> Self {
        Self { file, base }
    }

    /// Takes the site's own port, or chooses the one that it has from now on.
    pub(super) async fn take(&self, site: &SiteId) -> anyhow::Result<Bound> {
        let mut kept = self.read()?;
        if let Some(port) = kept.get(&site.to_string()) {
            let bound = bind(PortOf::KeptSite, *port, Taken::Fail).await;
            return bound.with_context(|| format!("the site {site} cannot be served"));
        }
        let bound = loop {
            let bound = bind(PortOf::Site, first(self.base, &kept), Taken::NextFree).await?;
            // That of a site which is not served now.
            if !kept.values().any(|port| *port == bound.port) {
                break bound;
            }
            kept.insert(format!("skipped {}", bound.port), bound.port);
        };
        kept.retain(|name, _| !name.starts_with("skipped "));
        kept.insert(site.to_string(), bound.port);
        self.write(&kept)?;
        Ok(bound)
    }

    pub(super) fn forget(&self, project: &str) -> anyhow::Result<()> {
        let mut kept = self.read()?;
        let before = kept.len();
        kept.retain(|site, _| site.split('/').next() != Some(project));
        if kept.len() == before { Ok(()) } else { self.write(&kept) }
    }

    fn read(&self) -> anyhow::Result<Kept> {
        let Some(file) = &self.file else { return Ok(Kept::new()) };
        match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::new()),
            text => {
                let text = text.with_context(|| format!("cannot read {}", file.display()))?;
                serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))
            }
        }
    }

    fn write(&self, kept: &Kept) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        write_private(file, &serde_json::to_vec_pretty(kept)?)
    }
}

/// The first port from `base` on that no site keeps.
fn first(base: u16, kept: &Kept) -> u16 {
    let is_kept = |port: &u16| kept.values().any(|kept| kept == port);
    if base == 0 { 0 } else { (base..=u16::MAX).find(|port| !is_kept(port)).unwrap_or(base) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(project: &str, site: &str) -> SiteId {
        SiteId { project: project.into(), site: site.into() }
    }

    #[test]
    fn a_new_site_gets_the_first_port_that_nobody_keeps() {
        let kept = Kept::from([("a/x".into(), 4800), ("a/y".into(), 4801), ("b/x".into(), 4803)]);
        assert_eq!(first(4800, &kept), 4802);
        assert_eq!(first(4900, &kept), 4900);
        assert_eq!(first(0, &kept), 0);
    }

    #[tokio::test]
    async fn a_port_is_chosen_once_and_forgotten_with_the_projects_data() {
        let home = tempfile::tempdir().unwrap();
        let ports = || Ports::new(Some(home.path().join("site-ports.json")), 0);
        let chosen = ports().take(&site("shop", "web")).await.unwrap().port;
        let other = ports().take(&site("shop-2", "web")).await.unwrap().port;
        assert_eq!(ports().take(&site("shop", "web")).await.unwrap().port, chosen);
        ports().forget("shop").unwrap();
        assert_eq!(ports().read().unwrap(), Kept::from([("shop-2/web".into(), other)]));
    }

    #[tokio::test]
    async fn a_kept_port_that_another_program_has_is_told_with_its_holder_and_not_changed() {
        let home = tempfile::tempdir().unwrap();
        let ports = Ports::new(Some(home.path().join("site-ports.json")), 0);
        let taken = ports.take(&site("shop", "web")).await.unwrap();
        let told = format!("{:#}", ports.take(&site("shop", "web")).await.unwrap_err());
        assert!(told.contains("shop/web") && told.contains(&format!("port {} is taken by ", taken.port)), "{told}");
        assert!(told.contains("site-ports.json"), "{told}");
        drop(taken);
        ports.take(&site("shop", "web")).await.unwrap();
    }

    #[tokio::test]
    async fn ports_that_cannot_be_read_are_not_chosen_anew() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("site-ports.json"), "{").unwrap();
        let ports = Ports::new(Some(home.path().join("site-ports.json")), 0);
        assert!(format!("{:#}", ports.take(&site("shop", "web")).await.unwrap_err()).contains("damaged"));
    }
}
