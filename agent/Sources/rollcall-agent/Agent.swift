@main struct Agent { static func main() {} }
