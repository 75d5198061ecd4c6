//! A browser that is driven as a person drives it: Chromium's protocol over a pipe, without any other program.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Chromium, where the machine has one; with `COLLAPIPE_BROWSER` set it must.
pub fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success()));
    assert!(
        found.is_some() || std::env::var_os("COLLAPIPE_BROWSER").is_none(),
        "COLLAPIPE_BROWSER is set: no Chromium"
    );
    if found.is_none() {
        println!("skipped: no Chromium on this machine");
    }
    found
}

/// A page in a browser of its own, which ends with it.
pub struct Page {
    browser: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// What the console said, and exceptions that nobody caught.
    pub complaints: Vec<String>,
}

/// How long a page may take for anything: other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(120);

impl Page {
    /// Opens a file; `profile` is a folder of the browser's own.
    pub fn open(browser: &str, profile: &Path, file: &Path, (width, height): (u32, u32), dark: bool) -> Self {
        let mut browser = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", browser])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic"])
            .args(["--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (requests, answers) = (browser.stdin.take().unwrap(), BufReader::new(browser.stdout.take().unwrap()));
        let mut page = Self { browser, requests, answers, session: None, last: 0, complaints: Vec::new() };
        let target = page.send("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        page.session = page.send("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_owned);
        for domain in ["Runtime", "Log", "Page"] {
            page.send(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        page.send("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        page.send("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
        page.send("Page.navigate", json!({ "url": format!("file://{}", file.display()) }));
        page
    }

    /// Asks the browser and waits for its answer.
    pub fn send(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut request = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        self.requests.write_all(request.to_string().as_bytes()).unwrap();
        self.requests.write_all(b"\0").unwrap();
        loop {
            let mut message = Vec::new();
            self.answers.read_until(0, &mut message).unwrap();
            assert_eq!(message.pop(), Some(0), "the browser ended");
            let message: Value = serde_json::from_slice(&message).unwrap();
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => {
                    self.complaints.push(message["params"].to_string());
                }
                _ if message["id"] == self.last => {
                    assert_eq!(message["error"], Value::Null, "{method}");
                    return message["result"].clone();
                }
                _ => {}
            }
        }
    }

    /// The value of an expression.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.send("Runtime.evaluate", asked);
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != Value::Bool(true) {
            assert!(begun.elapsed() < PATIENCE, "never: {expression}; {:?}", self.complaints);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The middle of the first element of a selector, scrolled into sight.
    pub fn middle(&mut self, selector: &str) -> [f64; 2] {
        self.value(&format!("document.querySelector({}).scrollIntoView({{ block: 'center' }})", json!(selector)));
        self.middle_as_it_is(selector)
    }

    /// The same without scrolling.
    pub fn middle_as_it_is(&mut self, selector: &str) -> [f64; 2] {
        let found = format!("document.querySelector({})", json!(selector));
        let at = self.value(&format!(
            "(() => {{ const box = {found}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        [at[0].as_f64().unwrap(), at[1].as_f64().unwrap()]
    }

    /// Moves the mouse there, or presses or releases its button.
    pub fn mouse(&mut self, what: &str, [x, y]: [f64; 2]) {
        let buttons = i32::from(what != "mouseReleased");
        let event = json!({ "type": what, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        self.send("Input.dispatchMouseEvent", event);
    }

    pub fn click(&mut self, at: [f64; 2]) {
        self.mouse("mousePressed", at);
        self.mouse("mouseReleased", at);
    }

    pub fn key(&mut self, key: &str) {
        for what in ["keyDown", "keyUp"] {
            self.send("Input.dispatchKeyEvent", json!({ "type": what, "key": key, "code": key }));
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
