//! What programs of this machine ask of its host while egress is on, and what is under way because of that.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::egress::messages::EgressEvent;
use crate::egress::names::Names;
use crate::files::path::ByteText;
use crate::stdin::Body;

/// Questions that may wait for the host's answer.
pub const MAX_QUESTIONS: usize = 1024;
/// How long one waits; then the answer is no.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what is under way may take to end.
const END: Duration = Duration::from_secs(2);

/// Egress of a machine
#[derive(Debug, Default)]
pub struct Egress {
    /// Names that programs know by addresses
    pub names: Names,
    grant: RefCell<Option<Rc<Grant>>>,
}

/// Egress as long as the host grants it
#[derive(Debug)]
pub struct Grant {
    events: mpsc::UnboundedSender<EgressEvent>,
    last_id: Cell<u32>,
    questions: RefCell<HashMap<u32, Question>>,
    end: watch::Sender<bool>,
}

/// The host's end of a connection
#[derive(Debug)]
pub struct Tunnel {
    /// What it sends
    pub body: Body,
    /// Where it takes
    pub respond: SendResponse<Bytes>,
}

#[derive(Debug)]
enum Question {
    Lookup(oneshot::Sender<bool>),
    Open(oneshot::Sender<Tunnel>),
}

/// A question that is forgotten when this is dropped.
struct Asked<'a> {
    grant: &'a Grant,
    id: u32,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.grant.questions.borrow_mut().remove(&self.id);
    }
}

impl Egress {
    /// What the host grants at this moment.
    pub fn grant(&self) -> Option<Rc<Grant>> {
        self.grant.borrow().clone()
    }

    /// Begins a grant, whose events the caller passes on; none where there is one already.
    pub fn begin(&self) -> Option<(Rc<Grant>, mpsc::UnboundedReceiver<EgressEvent>)> {
        let mut current = self.grant.borrow_mut();
        if current.is_some() {
            return None;
        }
        let (events, receiver) = mpsc::unbounded_channel();
        let (questions, end) = (RefCell::default(), watch::Sender::new(false));
        let grant = Rc::new(Grant { events, last_id: Cell::new(0), questions, end });
        *current = Some(Rc::clone(&grant));
        Some((grant, receiver))
    }

    /// Ends the grant with all that is under way, and returns when that has ended.
    pub async fn end(&self) {
        let Some(grant) = self.grant() else { return };
        grant.end.send_replace(true);
        // What is not over by then finds no route.
        let _ = timeout(END, grant.end.closed()).await;
        self.grant.replace(None);
    }
}

impl Grant {
    /// Does something that ends with the grant.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let mut end = self.end.subscribe();
        spawn_local(async move {
            tokio::select! {
                biased;
                _ = end.wait_for(|is_over| *is_over) => {}
                () = work => {}
            }
        });
    }

    /// Tells the host that programs can ask.
    pub fn ready(&self) {
        self.tell(EgressEvent::Ready {});
    }

    /// Asks whether a name may be looked up; none where too much is asked at once.
    pub async fn lookup(&self, name: Vec<u8>) -> Option<bool> {
        let (sender, receiver) = oneshot::channel();
        let asked = self.ask(Question::Lookup(sender))?;
        self.tell(EgressEvent::Lookup { id: asked.id, name: ByteText(name) });
        Some(matches!(timeout(PATIENCE, receiver).await, Ok(Ok(true))))
    }

    /// Asks for a connection; none where it may not be.
    pub async fn open(&self, host: Vec<u8>, port: u16, pid: Option<u32>) -> Option<Tunnel> {
        let (sender, receiver) = oneshot::channel();
        let asked = self.ask(Question::Open(sender))?;
        self.tell(EgressEvent::Open { id: asked.id, host: ByteText(host), port, pid });
        timeout(PATIENCE, receiver).await.ok()?.ok()
    }

    /// Answers a lookup; nothing happens where nobody waits.
    pub fn answer(&self, id: u32, is_allowed: bool) {
        if let Some(Question::Lookup(sender)) =
            self.take(id, |question| matches!(question, Question::Lookup(_)))
        {
            // Whoever asked may have given up.
            let _ = sender.send(is_allowed);
        }
    }

    /// Answers an open with no.
    pub fn refuse(&self, id: u32) {
        self.take(id, |question| matches!(question, Question::Open(_)));
    }

    /// Answers an open; the tunnel comes back where nobody waits.
    pub fn connect(&self, id: u32, tunnel: Tunnel) -> Result<(), Tunnel> {
        match self.take(id, |question| matches!(question, Question::Open(_))) {
            Some(Question::Open(sender)) => sender.send(tunnel),
            _ => Err(tunnel),
        }
    }

    fn take(&self, id: u32, is_meant: impl FnOnce(&Question) -> bool) -> Option<Question> {
        let mut questions = self.questions.borrow_mut();
        questions.get(&id).is_some_and(is_meant).then(|| questions.remove(&id)).flatten()
    }

    fn ask(&self, question: Question) -> Option<Asked<'_>> {
        let mut questions = self.questions.borrow_mut();
        if questions.len() >= MAX_QUESTIONS {
            return None;
        }
        let id = self.last_id.get().checked_add(1)?;
        self.last_id.set(id);
        questions.insert(id, question);
        Some(Asked { grant: self, id })
    }

    fn tell(&self, event: EgressEvent) {
        // An error means that the grant is over, which ends whoever asks.
        let _ = self.events.send(event);
    }
}
