//! The disk and the clock below a scene's server: the shim, and the model of what the disk has for sure.

use std::path::PathBuf;
use std::sync::Arc;

use less_tests::harness::Home;
use less_tests::shim::{Disk, Shim, Tree};

use crate::random::Random;
use crate::scene::Scene;

pub(crate) struct Machine {
    pub(crate) shim: Arc<Shim>,
    /// The `LESS_HOME`.
    home: PathBuf,
    /// As it was when the log of the shim began.
    disk: Disk,
    random: Random,
}

impl Machine {
    /// Has the scene's servers run on it from now on; none runs yet. `None` where no compiler is.
    pub(crate) fn below(scene: &mut Scene) -> Option<Self> {
        if !Shim::can_be_made() {
            scene.remark("not played: gcc is not installed");
            return None;
        }
        let home = home(scene.home);
        let shim = Arc::new(Shim::new(&scene.home.root().join("shim")));
        scene.launch.shim = Some(Arc::clone(&shim));
        shim.begin_log();
        let random = Random::new(scene.random.next(), "machine");
        Some(Self { disk: Disk::of(&home), shim, home, random })
    }

    /// After a kill: the power goes as well, and comes back. What is left is in the home.
    pub(crate) fn lose_power(&mut self) {
        let random = &mut self.random;
        let mut draw = || random.next();
        self.disk.replay(&self.shim.log(), &mut draw);
        self.disk.cut(&mut draw).write(&self.home);
        self.disk = Disk::of(&self.home);
        self.shim.begin_log();
    }

    /// While no server runs: the files are what the model says that the server saw, so no call went past the shim.
    /// A sync that failed is apart: the model forgets what the kernel still has in its memory.
    #[track_caller]
    pub(crate) fn assert_mirrored(&self) {
        let mut disk = self.disk.clone();
        disk.replay(&self.shim.log(), &mut || 0);
        let different = disk.seen().differences(&Tree::of(&self.home));
        assert!(different.is_empty(), "the shim did not see all that was done to {different:?}");
    }
}

fn home(home: &Home) -> PathBuf {
    let folder = home.less_home();
    std::fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}
