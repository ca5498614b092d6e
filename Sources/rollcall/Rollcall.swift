import RollcallCLI

@main
struct Rollcall {
    static func main() async {
        await runRollcall()
    }
}
