import JOSE
import Testing

struct ExactTextTests {
    @Test func canonicallyEquivalentTextsAreTwo() {
        let (kelvin, letter) = ("\u{212A}ey", "Key")
        #expect(kelvin == letter, "Swift takes these for one: that is why the type exists")
        #expect(kelvin.exact != letter.exact)
        #expect(Set([kelvin.exact, letter.exact]).count == 2)
        #expect([letter.exact: 1][kelvin.exact] == nil)
        #expect("caf\u{E9}".exact != "cafe\u{301}".exact)
    }

    @Test func orderIsOfBytes() {
        #expect("Z".exact < "a".exact)
        #expect("a".exact < "\u{E9}".exact)
        #expect("e\u{301}".exact < "f".exact)
        #expect(!("a".exact < "a".exact))
    }
}
