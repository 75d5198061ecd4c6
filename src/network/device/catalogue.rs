//! The figures. Every number that is not a measurement says so.

use super::{DevicePreset, DeviceSheet, Sourced};
use crate::units::{Bytes, FlopsPerSecond, Seconds, Watts};

/// Work of VGG-19 on a 32 × 32 image, forward: 0.398 G multiply-adds.
const VGG19_FORWARD_FLOPS: f64 = 0.796e9;
/// Samples per batch in the VGG-19 measurements.
const VGG19_BATCH: f64 = 128.0;
/// Work of ViT-B/16 on 8 images of 197 tokens, forward, all 12 blocks.
const VIT_BASE_BATCH_OF_8_FLOPS: f64 = 8.0 * 12.0 * (2.0 * 197.0 * 12.0 * 768.0 * 768.0 + 4.0 * 197.0 * 197.0 * 768.0);

/// Forward rate from the time of a VGG-19 batch's forward pass.
const fn vgg19_forward(seconds: f64) -> FlopsPerSecond {
    FlopsPerSecond(VGG19_FORWARD_FLOPS * VGG19_BATCH / seconds)
}

/// Backward rate from the time of a VGG-19 batch's backward pass: twice the forward work.
const fn vgg19_backward(seconds: f64) -> FlopsPerSecond {
    FlopsPerSecond(2.0 * VGG19_FORWARD_FLOPS * VGG19_BATCH / seconds)
}

const PI4_FORWARD: FlopsPerSecond = vgg19_forward(9.518);
const PI4_BACKWARD: FlopsPerSecond = vgg19_backward(59.756);
const PI4_HPL_GFLOPS: f64 = 11.889;
const PI5_HPL_GFLOPS: f64 = 35.169;
const NANO_FORWARD: FlopsPerSecond = vgg19_forward(0.987);
const NANO_BACKWARD: FlopsPerSecond = vgg19_backward(1.674);
const NANO_PEAK_GFLOPS: f64 = 236.0;
const XAVIER_NX_PEAK_GFLOPS: f64 = 840.0;
const AGX_XAVIER_PEAK_GFLOPS: f64 = 1410.0;

const fn scaled(rate: FlopsPerSecond, factor: f64) -> FlopsPerSecond {
    FlopsPerSecond(rate.0 * factor)
}

const fn gibibytes(count: f64) -> Bytes {
    Bytes(count * 1_073_741_824.0)
}

// Sources of several numbers.
const VGG19_PI4: &str = "VGG-19 on CIFAR-10, batch 128, fp32: 9.518 s forward, 59.756 s backward (weight update 2.632 s left out) \
     for 0.796 GFLOP forward per sample and twice that backward; jtirana98/SFL-workflow-optimization @62f7332 (MIT), device d1";
const VGG19_NANO: &str = "VGG-19 on CIFAR-10, batch 128, fp32: 0.987 s forward, 1.674 s backward for 0.796 GFLOP forward per sample \
     and twice that backward; jtirana98/SFL-workflow-optimization @62f7332 (MIT), jetson-gpu. LoRA training of a \
     270M-parameter language model reached 39 to 48 GFLOP/s (EdgeFlowerTune @c5f9bdd)";
const VGG19_M1: &str = "VGG-19 on CIFAR-10, batch 128, fp32: 0.85 s forward, 3.003 s backward; jtirana98/SFL-workflow-optimization \
     @62f7332 (MIT), host `laptop`. Two repositories of its authors swap this host with `VM` (114 GFLOP/s); the slower is taken";
const PEAK_SCALED: &str = "fp32 peak of the CUDA cores (840 GFLOP/s NX, 1410 GFLOP/s AGX) times the share of its peak (236 GFLOP/s) \
     that the Jetson Nano reaches training VGG-19: 44 % forward, 52 % backward";
const LSTM_TOTAL: &str = "median over on-phone LSTM training steps longer than 0.3 s (Deeplearning4j, fp32): 3·8·(in+out)·out FLOP per token \
     over the time of the whole step; PKU-Chengxu/FLASH @55cbede (BSD-2). The same rate for forward alone is an assumption";
const HPL_WALL: &str = "wall power running HPL; geerlingguy/top500-benchmark @be7b678 (MIT)";
const MLPERF_WALL: &str = "wall power in BERT-large inference, MaxQ mode (MLPerf v1.1 and v2.0, closed, NVIDIA; Apache-2.0); training in \
     fp32 is taken to draw the same";
const PHONE_POWER: &str =
    "typical of phones: about 1 W with the screen dark and 4 W with all cores busy; not measured on this phone";

/// Radio of boards and laptops: Wi-Fi.
const WIFI_MAX: Sourced<Watts> =
    Sourced::rated(Watts(0.1), "Wi-Fi at 20 dBm, the limit of ETSI EN 300 328 in the 2.4 GHz band");
const WIFI_CIRCUIT: Sourced<Watts> = Sourced::assumed(
    Watts(0.8),
    "Wi-Fi: not measured; of the order of what a phone's cellular radio adds (0.6 to 0.9 W)",
);
/// Radio of phones: cellular.
const CELLULAR_MAX: Sourced<Watts> =
    Sourced::rated(Watts(0.2), "3GPP power class 3, 23 dBm: the class of practically all phones");
const LTE_CIRCUIT: Sourced<Watts> = Sourced::derived(
    Watts(2.9263 - 2.3),
    "LTE uplink of a Galaxy S20 Ultra: intercept 2.926 W of the linear fit of whole-phone power against rate, less about \
     2.3 W for screen and base; SIGCOMM21-5G/artifact @35aaf28 (aggregates of Narayanan et al. 2021)",
);
const NR_CIRCUIT: Sourced<Watts> = Sourced::derived(
    Watts(3.1986 - 2.3),
    "5G low-band uplink of a Galaxy S20 Ultra: intercept 3.199 W of the linear fit of whole-phone power against rate, \
     less about 2.3 W for screen and base; SIGCOMM21-5G/artifact @35aaf28 (aggregates of Narayanan et al. 2021)",
);
const AMPLIFIER: Sourced<f64> =
    Sourced::assumed(0.4, "amplifier efficiency of user equipment in Pizzo et al., IEEE TGCN 2018 (μ_UE = 0.4)");

/// What a class of devices has in common; a sheet overwrites what it knows better.
fn class(memory_gib: f64, share: Sourced<f64>, stage_ms: f64, block_ms: f64) -> ClassFigures {
    ClassFigures {
        installed_memory_bytes: Sourced::rated(gibibytes(memory_gib), "the vendor's figure for the variant named"),
        usable_memory_share: share,
        stage_overhead_s: Sourced::assumed(
            Seconds(stage_ms * 1e-3),
            "not measured: receiving, unpacking and handing over a micro-batch, 5 ms on boards, 10 ms on phones, 2 ms on laptops",
        ),
        block_overhead_s: Sourced::assumed(
            Seconds(block_ms * 1e-3),
            "not measured: starting a block's some 20 operations at 25 to 50 µs each; ResNet-101's lightest layers took 1 ms \
             on a Raspberry Pi 4",
        ),
    }
}

struct ClassFigures {
    installed_memory_bytes: Sourced<Bytes>,
    usable_memory_share: Sourced<f64>,
    stage_overhead_s: Sourced<Seconds>,
    block_overhead_s: Sourced<Seconds>,
}

fn board(memory_gib: f64) -> ClassFigures {
    let share =
        Sourced::assumed(0.5, "half of the memory is left by system, runtime and framework (GPU memory is shared)");
    class(memory_gib, share, 5.0, 0.5)
}

fn gpu_board(memory_gib: f64) -> ClassFigures {
    class(memory_gib, board(memory_gib).usable_memory_share, 5.0, 1.0)
}

fn phone(memory_gib: f64) -> ClassFigures {
    let share = Sourced::assumed(
        0.25,
        "a quarter of the memory: systems end apps that take more; LoRA training held 1.07 GB on an 8 GB phone (EdgeFlowerTune)",
    );
    class(memory_gib, share, 10.0, 1.0)
}

fn laptop(memory_gib: f64) -> ClassFigures {
    class(memory_gib, board(memory_gib).usable_memory_share, 2.0, 0.5)
}

struct Power {
    idle: Sourced<Watts>,
    load: Sourced<Watts>,
}

fn assumed_power(idle: f64, load: f64, source: &'static str) -> Power {
    Power { idle: Sourced::assumed(Watts(idle), source), load: Sourced::assumed(Watts(load), source) }
}

struct Radio {
    max: Sourced<Watts>,
    circuit: Sourced<Watts>,
}

const WIFI: Radio = Radio { max: WIFI_MAX, circuit: WIFI_CIRCUIT };
const LTE: Radio = Radio { max: CELLULAR_MAX, circuit: LTE_CIRCUIT };
const NR: Radio = Radio { max: CELLULAR_MAX, circuit: NR_CIRCUIT };

struct Rates {
    forward: Sourced<FlopsPerSecond>,
    backward: Sourced<FlopsPerSecond>,
}

fn measured_rates(forward: FlopsPerSecond, backward: FlopsPerSecond, source: &'static str) -> Rates {
    Rates { forward: Sourced::measured(forward, source), backward: Sourced::measured(backward, source) }
}

fn derived_rates(forward: FlopsPerSecond, backward: FlopsPerSecond, source: &'static str) -> Rates {
    Rates { forward: Sourced::derived(forward, source), backward: Sourced::derived(backward, source) }
}

/// Where only a whole step was timed: the same rate for both, an assumption; the step's total is then right.
fn unsplit_rates(gflops: f64, forward_source: &'static str) -> Rates {
    let rate = FlopsPerSecond(gflops * 1e9);
    Rates {
        forward: Sourced::assumed(rate, forward_source),
        backward: Sourced::assumed(
            rate,
            "only whole training steps were timed: forward and backward are taken to run at the same rate, that of the step",
        ),
    }
}

fn assemble(rates: Rates, power: Power, class: ClassFigures, radio: Radio) -> DeviceSheet {
    DeviceSheet {
        forward_flops_per_second: rates.forward,
        backward_flops_per_second: rates.backward,
        idle_power_w: power.idle,
        load_power_w: power.load,
        installed_memory_bytes: class.installed_memory_bytes,
        usable_memory_share: class.usable_memory_share,
        stage_overhead_s: class.stage_overhead_s,
        block_overhead_s: class.block_overhead_s,
        max_power_w: radio.max,
        circuit_power_w: radio.circuit,
        amplifier_efficiency: AMPLIFIER,
    }
}

/// The sheet of a preset.
pub(super) fn sheet(preset: DevicePreset) -> DeviceSheet {
    let pi_idle = Sourced::assumed(
        Watts(2.7),
        "typical idle draw of a Raspberry Pi 4 or 5 with network; not measured with the load",
    );
    match preset {
        DevicePreset::RaspberryPi4 => assemble(
            measured_rates(PI4_FORWARD, PI4_BACKWARD, VGG19_PI4),
            Power { idle: pi_idle, load: Sourced::measured(Watts(7.2), HPL_WALL) },
            board(4.0),
            WIFI,
        ),
        DevicePreset::RaspberryPi5 => assemble(
            derived_rates(
                scaled(PI4_FORWARD, PI5_HPL_GFLOPS / PI4_HPL_GFLOPS),
                scaled(PI4_BACKWARD, PI5_HPL_GFLOPS / PI4_HPL_GFLOPS),
                "the Raspberry Pi 4's training rates times the ratio of the two boards in HPL, 35.169/11.889 (geerlingguy/top500-benchmark)",
            ),
            Power { idle: pi_idle, load: Sourced::measured(Watts(12.7), HPL_WALL) },
            board(8.0),
            WIFI,
        ),
        DevicePreset::JetsonNano4Gb => assemble(
            measured_rates(NANO_FORWARD, NANO_BACKWARD, VGG19_NANO),
            Power {
                idle: Sourced::assumed(Watts(1.5), "typical idle draw of a Jetson Nano kit without display"),
                load: Sourced::rated(Watts(10.0), "the board's power budget in MAXN mode"),
            },
            gpu_board(4.0),
            WIFI,
        ),
        DevicePreset::JetsonXavierNx8Gb => assemble(
            derived_rates(
                scaled(NANO_FORWARD, XAVIER_NX_PEAK_GFLOPS / NANO_PEAK_GFLOPS),
                scaled(NANO_BACKWARD, XAVIER_NX_PEAK_GFLOPS / NANO_PEAK_GFLOPS),
                PEAK_SCALED,
            ),
            Power {
                idle: Sourced::assumed(Watts(4.0), "typical idle draw of a Xavier NX kit"),
                load: Sourced::measured(Watts(14.2), MLPERF_WALL),
            },
            gpu_board(8.0),
            WIFI,
        ),
        DevicePreset::JetsonAgxXavier32Gb => assemble(
            derived_rates(
                scaled(NANO_FORWARD, AGX_XAVIER_PEAK_GFLOPS / NANO_PEAK_GFLOPS),
                scaled(NANO_BACKWARD, AGX_XAVIER_PEAK_GFLOPS / NANO_PEAK_GFLOPS),
                PEAK_SCALED,
            ),
            Power {
                idle: Sourced::assumed(Watts(8.0), "typical idle draw of an AGX Xavier kit"),
                load: Sourced::measured(Watts(18.6), MLPERF_WALL),
            },
            gpu_board(32.0),
            WIFI,
        ),
        DevicePreset::JetsonOrinNano8Gb => assemble(
            Rates {
                forward: Sourced::measured(
                    FlopsPerSecond(417e9),
                    "YOLOv8n inference, 640 pixels, batch 1, PyTorch fp32: 417 GFLOP/s; \
                     hokwangchoi/jetson-orin-nano-benchmarks @91f5b77 (MIT). fp32 matrix products reach 1310 GFLOP/s",
                ),
                backward: Sourced::assumed(
                    FlopsPerSecond(417e9),
                    "training was not measured: as forward (on the Jetson Nano backward is 1.18 times as fast as forward)",
                ),
            },
            Power {
                idle: Sourced::measured(
                    Watts(6.613),
                    "mean input power at 0 % GPU load; hokwangchoi/jetson-orin-nano-benchmarks @91f5b77 (MIT)",
                ),
                load: Sourced::measured(
                    Watts(11.39),
                    "mean input power in the same YOLOv8n run as the rate (21.1 W under a full language-model load); \
                     hokwangchoi/jetson-orin-nano-benchmarks @91f5b77 (MIT)",
                ),
            },
            gpu_board(8.0),
            WIFI,
        ),
        DevicePreset::PhoneSd778g => assemble(
            unsplit_rates(
                3.208,
                "measured as a whole step: mean of five phones, LoRA (r = 8) of Gemma-3-270M, batch 8 × 64 tokens, 171.2 s, \
                 4·parameters·tokens FLOP; Edge-Intelligence-Lab/EdgeFlowerTune @c5f9bdd. The same rate for forward alone is \
                 an assumption",
            ),
            assumed_power(1.0, 4.0, PHONE_POWER),
            phone(8.0),
            NR,
        ),
        DevicePreset::PhoneNexus6 => {
            assemble(unsplit_rates(1.468, LSTM_TOTAL), assumed_power(1.0, 4.0, PHONE_POWER), phone(3.0), LTE)
        }
        DevicePreset::PhoneRedmiNote8 => {
            assemble(unsplit_rates(2.53, LSTM_TOTAL), assumed_power(1.0, 4.0, PHONE_POWER), phone(4.0), LTE)
        }
        DevicePreset::PhoneNote10 => {
            assemble(unsplit_rates(4.805, LSTM_TOTAL), assumed_power(1.0, 4.0, PHONE_POWER), phone(8.0), LTE)
        }
        DevicePreset::MinnowboardE3845 => {
            let forward = FlopsPerSecond(VIT_BASE_BATCH_OF_8_FLOPS / 13.058_433);
            assemble(
                Rates {
                    forward: Sourced::measured(
                        forward,
                        "ViT-B/16 forward, micro-batch 8, fp32: 279 GFLOP in 13.06 s over all 48 sub-layers; \
                         usc-isi/PipeEdge @1a68bbb (BSD-3)",
                    ),
                    backward: Sourced::assumed(
                        scaled(forward, 0.5),
                        "training was not measured: half the forward rate (other CPUs training VGG-19: 0.32 on a Raspberry Pi 4, \
                         0.54 and 0.57 on two hosts)",
                    ),
                },
                assumed_power(4.0, 10.0, "no measurement: 10 W, the Atom E3845's rated power, under load and 4 W idle"),
                board(2.0),
                WIFI,
            )
        }
        DevicePreset::MacbookM1 => assemble(
            measured_rates(vgg19_forward(0.85), vgg19_backward(3.003), VGG19_M1),
            assumed_power(5.0, 25.0, "typical of the machine: 5 W idle, 25 W with all cores busy; not measured"),
            laptop(8.0),
            WIFI,
        ),
    }
}
