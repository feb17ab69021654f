"""Sentences in the scripts that a newsletter may be written in, made for the tests."""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """What somebody might write."""

    name: str
    text: str


SAMPLES = {
    "latin": Sample(
        "Åsa Żółć", "Zoë’s façade: Þór ate jalapeños, œufs & crème brûlée – “très bien”, said Ngũgĩ, ½ asleep…"
    ),
    "greek": Sample(
        "Ελένη Ψαρρά", "Ζωηρή ξανθιά αλεπού πηδάει ψηλά, και το φεγγάρι μάς βλέπει όλους. Τί ὡραῖον ᾠδεῖον!"
    ),
    "cyrillic": Sample("Юрій Їжак", "Съешь ещё этих мягких булок; ґанок, їжак і щука. Љубазни ђак, Ѓорѓи, ўсё добра."),
    "arabic": Sample(
        "ليلى حسّان", "قرأت هذا الأسبوع كتابا عن البحر، ثم كتبت رسالة طويلة إلى أصدقائي في المدينة. هل وصلت؟"
    ),
    "hebrew": Sample("נועה כץ", "השבוע קראתי ספר על ים וגשם, ואחר כך כתבתי מכתב ארוך לכל החברים שלי בעיר."),
    "devanagari": Sample("प्रिया शर्मा", "इस हफ़्ते मैंने एक क्षणिक स्वप्न की कहानी पढ़ी, और फिर दोस्तों को लम्बी चिट्ठी लिखी।"),
    "bengali": Sample("ঋতু চট্টোপাধ্যায়", "এই সপ্তাহে আমি নদী ও বৃষ্টি নিয়ে একটি বই পড়েছি, তারপর বন্ধুদের লম্বা চিঠি লিখেছি।"),
    "tamil": Sample("கௌரி ஸ்ரீதர்", "இந்த வாரம் மழை பற்றிய ஒரு நூலைப் படித்தேன், பிறகு நண்பர்களுக்கு நீண்ட கடிதம் எழுதினேன்."),
    "thai": Sample("น้ำฝน ใจดี", "สัปดาห์นี้ฉันอ่านหนังสือเกี่ยวกับน้ำและฝน แล้วเขียนจดหมายยาวถึงเพื่อนทุกคนที่กำลังคิดถึงกันอยู่"),
    "khmer": Sample("សុខា ព្រំ", "សប្តាហ៍នេះខ្ញុំបានអានសៀវភៅអំពីទឹកភ្លៀង ហើយបានសរសេរសំបុត្រវែងទៅមិត្តភក្តិទាំងអស់។"),
    "georgian": Sample(
        "ნინო ჭავჭავაძე", "ამ კვირაში წიგნი წავიკითხე ზღვასა და წვიმაზე, მერე კი მეგობრებს გრძელი წერილი მივწერე."
    ),
    "armenian": Sample(
        "Անի Ղազարյան", "Այս շաբաթ ես կարդացի մի գիրք ծովի և անձրևի մասին, հետո երկար նամակ գրեցի ընկերներիս։"
    ),
    "simplified": Sample(
        "王小雨", "这个星期我读了一本关于大海和雨水的书，然后给城里的朋友们写了一封长长的信。你们收到了吗？"
    ),
    "traditional": Sample(
        "陳雨晴", "這個星期我讀了一本關於大海和雨水的書，然後給城裡的朋友們寫了一封長長的信。你們收到了嗎？"
    ),
    "japanese": Sample(
        "佐藤さくら",
        "今週は海と雨についての本を読んで、それから町の友だちみんなに長い手紙を書きました。「届いたかな？」",
    ),
    "korean": Sample(
        "김하늘", "이번 주에는 바다와 비에 관한 책을 읽고, 그다음 도시에 있는 친구들에게 긴 편지를 썼습니다."
    ),
    "mathematics": Sample("Σοφία ∂", "∑ xₙ ≤ ∫ f(x) dx ≈ π² ⁄ 6, ∀ε ∈ ℝ ∃δ: a ≠ b ⇒ √2 ∉ ℚ, ∅ ⊂ ∞, 𝒜 ⊗ 𝔹 ⟶ ℵ"),
    "arrows": Sample("Ana →", "← ↑ → ↓ ↔ ⇐ ⇒ ⇔ ↦ ↺ ⟵ ⟶ ➜ ➔ ⤴ ⬅ ⮕"),
    "dingbats": Sample("Bea ★", "✓ ✗ ✦ ✿ ❀ ❦ ☞ ★ ☆ ☂ ☕ ♪ ♫ ♭ ♯ ♠ ♥ ♦ ♣ ☎ ✂ ❄ ● ○ ■ □ ▲ ▼ ◆ ◇ ½ ¾ ① ② ⓐ"),
    "currencies": Sample("Carl €", "€ £ ¥ $ ¢ ₹ ₽ ₩ ₪ ₫ ₦ ₱ ₴ ₸ ₺ ₾ ₿ ฿ ៛ ₡ ₲ ₵ ₭ ₮ ₼"),
}

# What runs both ways in one paragraph.
BIDIRECTIONAL = {
    "hebrew with latin": "קראתי את Middlemarch (פרק 12) ואת “Война и мир” בשבוע אחד.",
    "latin with hebrew": "She said שלום עולם (hello, world!) twice, then 3 more times.",
    "arabic with latin": "زرت متحف Musée d'Orsay يوم 12 نوفمبر 2026، وكان رائعا (جدا).",
    "latin with arabic": "The word سلام means peace, and كتاب (kitāb) means book.",
    "an address": "הנה הקישור: https://example.org/book?a=1 וזה הכול.",
}

# Emoji, with every kind of sequence: presentation, skin tones, joined people, flags of countries and regions, keycaps.
EMOJI = [
    *"😀 🥹 🚋 🌧️ ❤️ ☕ ✈️ ☀️".split(),
    *"👍🏽 🧑🏿‍🚒 👩‍👩‍👧 👨🏻‍❤️‍💋‍👨🏿 🏳️‍🌈 🏴‍☠️ 🐻‍❄️ 🧑‍🧑‍🧒‍🧒".split(),
    *"🇸🇪 🇺🇦 🇯🇵 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣ #️⃣ ©️ ™️".split(),
]

# With points and vowel marks, as children and poets write.
VOCALISED = {
    "hebrew": "הַיֶּלֶד קָרָא סֵפֶר עַל הַיָּם.",
    "arabic": "قَرَأَ الوَلَدُ كِتَابًا عَنِ البَحْرِ.",
}

# What no typeface of a newsletter has: scripts, music, hieroglyphs, the newest emoji, private use, unassigned.
UNKNOWN = [
    *"Ꮳ ꭰ ཀྵ བོ 𐀀 𐀁 𝄞 𝅘𝅥𝅮 𓀀 𓂀 𒀀 አ සි မြ ລ ਪ ಕ മ తె ᠮ ܣ ⵜ ߒ ᐃ ދ ᚠ 𪚥 Ⲙ Ⰳ 𐌰 𞤀 ꆈ ᄀ 𝀀".split(),
    *"\U0001fae9 \U0001fadc \U0001faea \U0001f6d8 \ue000 \uf8ff \U000f0000 \u0378 \u2fe0 \U000323b0 \ufffd".split(),
]

# Marks on characters with which no typeface has them: lines, and others.
LINED = "s̶t̶r̶u̶c̶k̶, o̷n̵e, 7̶, 漢̶, א̶"
MARKED = "q᷄ k̠ ɛ̌"
