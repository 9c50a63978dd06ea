//! Prints the generated TypeScript; `cargo xtask codegen` puts it in its place.

fn main() {
    print!("{}", bartizan_api::typescript());
}
