// A thread that waits for a std::sync::Mutex in a method of a trait.
use std::sync::{Arc, Mutex};
trait Work { fn go(&self, n: u32) -> u32; }
struct Job(Arc<Mutex<u32>>);
impl Work for Job { #[inline(never)] fn go(&self, n: u32) -> u32 { let g = self.0.lock().unwrap(); *g + n } }
#[inline(never)] fn perform<W: Work>(w: &W) -> u32 { w.go(3) + 1 }
fn main() {
    let m = Arc::new(Mutex::new(1)); let g = m.lock().unwrap(); let other = m.clone();
    let t = std::thread::spawn(move || { perform(&Job(other)) });
    println!("ready"); t.join().unwrap(); drop(g);
}
