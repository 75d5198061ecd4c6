//! What comes over the wire is checked before it is believed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::io::{Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use collapipe_engine::emulate::Clock;
use collapipe_engine::roles::{Hall, NodeError, NodeSettings, Threads, serve};
use collapipe_engine::wire::{
    Address, Frame, HEADER_BYTES, Limit, Message, Numbers, TensorKey, TensorKind, WireError, accept, decode, dial,
    encode,
};
use proptest::prelude::*;

const NODE: Address = Address { cluster: 0, node: 1 };

fn tensor(values: &[f32], numbers: Numbers) -> Frame {
    let key = TensorKey { attempt: 3, kind: TensorKind::Activation, iteration: 1, index: 2 };
    let message = Message::Tensor { key, from: NODE, numbers, arrives_s: Some(0.1), later_s: 0.0 };
    message.frame(encode(values, numbers)).expect("a frame")
}

fn read(bytes: &[u8], limit: Limit) -> Result<Frame, WireError> {
    Frame::read(&mut Cursor::new(bytes), limit)
}

proptest! {
    #[test]
    fn frames_come_back(values in prop::collection::vec(any::<f32>().prop_filter("a number", |v| !v.is_nan()), 0..200)) {
        let frame = tensor(&values, Numbers::F32);
        let back = read(&frame.to_bytes().expect("bytes"), Limit::MEMBER).expect("a frame");
        prop_assert_eq!(&back, &frame);
        prop_assert_eq!(Message::of(&back).expect("a message"), Message::of(&frame).expect("a message"));
        prop_assert_eq!(decode(&back.payload, Numbers::F32).expect("numbers"), values);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = read(&bytes, Limit::MEMBER) {
            let _ = Message::of(&frame);
        }
        let frame = Frame { head: bytes.clone(), payload: Vec::new() };
        let _ = Message::of(&frame);
        for numbers in Numbers::ALL {
            prop_assert_eq!(decode(&bytes, numbers).is_ok(), bytes.len() % numbers.width() == 0);
        }
    }

    #[test]
    fn a_changed_bit_is_noticed(values in prop::collection::vec(-1e3_f32..1e3, 1..50), place in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = tensor(&values, Numbers::F32).to_bytes().expect("bytes");
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        prop_assert!(read(&bytes, Limit::MEMBER).is_err());
    }

    #[test]
    fn a_part_of_a_frame_is_no_frame(values in prop::collection::vec(-1e3_f32..1e3, 1..50), place in any::<prop::sample::Index>()) {
        let bytes = tensor(&values, Numbers::F32).to_bytes().expect("bytes");
        let part = place.index(bytes.len());
        let error = read(&bytes[..part], Limit::MEMBER).expect_err("a part");
        let expected = if part == 0 { matches!(error, WireError::Closed) } else { matches!(error, WireError::Truncated) };
        prop_assert!(expected, "{}", error);
    }

    #[test]
    fn half_formats_round_by_their_digits(values in prop::collection::vec(-6e4_f32..6e4, 1..50)) {
        for (numbers, digits) in [(Numbers::F16, 11), (Numbers::Bf16, 8)] {
            let back = decode(&encode(&values, numbers), numbers).expect("numbers");
            for (back, value) in back.into_iter().zip(&values) {
                // Below the range of normal numbers f16 has fewer digits.
                let error = value.abs().max(6.2e-5) * 2_f32.powi(-digits);
                prop_assert!((back - value).abs() <= error, "{value} -> {back}");
            }
        }
    }
}

#[test]
fn what_announces_too_much_is_refused_before_it_is_read() {
    let mut bytes = tensor(&[1.0; 8], Numbers::F32).to_bytes().expect("bytes");
    bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read(&bytes, Limit::MEMBER), Err(WireError::TooLarge { part: "payload", .. })));
    bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(read(&bytes, Limit::MEMBER), Err(WireError::TooLarge { part: "head", .. })));
    // A stranger may say no more than who it is.
    let frame = tensor(&[1.0; 8], Numbers::F32).to_bytes().expect("bytes");
    assert!(matches!(read(&frame, Limit::STRANGER), Err(WireError::TooLarge { .. })));
}

#[test]
fn another_version_and_another_program_are_named() {
    let mut bytes = tensor(&[1.0], Numbers::F32).to_bytes().expect("bytes");
    bytes[4] = 9;
    assert!(matches!(read(&bytes, Limit::MEMBER), Err(WireError::Version { found: 9 })));
    let web = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(matches!(read(web, Limit::MEMBER), Err(WireError::Magic { .. })));
    assert!(HEADER_BYTES < web.len());
}

#[test]
fn a_caller_without_the_token_is_refused_and_the_listener_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    let hears = thread::spawn(move || {
        let wrong = accept(listener.accept().expect("a caller").0, "right");
        let right = accept(listener.accept().expect("a caller").0, "right").expect("a member");
        right.outgoing.send(&Message::Welcome { address: NODE, now_s: None }, Vec::new()).expect("a welcome");
        (wrong.map(drop), right.address)
    });
    assert!(matches!(dial(at, "wrong", Some(NODE), None), Err(WireError::Token)));
    assert_eq!(dial(at, "right", Some(NODE), None).expect("welcome").0, NODE);
    let (wrong, right) = hears.join().expect("no panic");
    assert!(matches!(wrong, Err(WireError::Token)));
    assert_eq!(right, Some(NODE));
}

#[test]
fn strangers_on_the_port_disturb_nobody() {
    let hall = Hall::open("127.0.0.1:0", "secret", Clock::real(), vec![NODE]).expect("a hall");
    for noise in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"CPIP", &[0; 64], &[255; 64]] {
        let mut stream = TcpStream::connect(hall.address()).expect("a connection");
        stream.write_all(noise).expect("noise");
    }
    let settings = |token: &str, node| NodeSettings {
        coordinator: hall.address(),
        token: token.into(),
        address: Some(Address { cluster: 0, node }),
        clock: None,
    };
    assert!(matches!(serve(settings("guess", 1)), Err(NodeError::Coordinator(WireError::Token))));
    // Nobody waits for node 7, and its user is told so.
    let nobody = serve(settings("secret", 7)).expect_err("no such node");
    assert!(matches!(&nobody, NodeError::Coordinator(WireError::Refused { .. })), "{nobody}");
    assert!(nobody.to_string().contains("node 7 is no node of this run"), "{nobody}");
    assert!(hall.refused().is_some_and(|reason| reason.contains("node 7")));
    // Another version, and a head that is longer than a stranger's may be: both are told why, in a frame of this version.
    let hello = Message::Hello { token: "secret".into(), address: Some(NODE), listens: None };
    let bytes = hello.frame(Vec::new()).and_then(|frame| frame.to_bytes()).expect("bytes");
    for (place, byte, expected) in [(4, 9, "protocol version 9"), (11, 1, "must be at most")] {
        let mut other = bytes.clone();
        other[place] = byte;
        let mut stream = TcpStream::connect(hall.address()).expect("a connection");
        stream.write_all(&other).expect("sent");
        let answer = Frame::read(&mut stream, Limit::STRANGER).expect("an answer");
        let Ok(Message::Refused { reason }) = Message::of(&answer) else { panic!("{answer:?}") };
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(hall.wait_for(&[NODE], Duration::from_millis(10)), [NODE]);
    let member = settings("secret", 1);
    let node = thread::spawn(move || serve(member));
    assert_eq!(hall.wait_for(&[NODE], Duration::from_secs(10)), []);
    drop(hall);
    node.join().expect("no panic").expect("the run was ended in order");
}

#[test]
fn a_run_ends_its_nodes() {
    let members = [NODE, Address { cluster: 0, node: 0 }];
    drop(Threads::start(&members, Clock::pretended()).expect("threads"));
}
