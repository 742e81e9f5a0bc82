package fault

import "slices"

// rules are the texts of violations: those of the contract's own rules as
// protovalidate words them, and those of the door, the page and the dealings. A
// test holds the list against every rule in the source.
var rules = slices.Concat(contractRules, pageRules, dealingRules)

// contractRules are the rules beside the fields of the contract.
var contractRules = []rule{
	{"value is required", "القيمة إلزامية", "نرخەکە پێویستە", "بها پێدڤیە"},
	{"does not match regex pattern `{}`", "لا يطابق النمط {}", "لەگەڵ شێوازی {} ناگونجێت", "ل گەل شێوازێ {} ناگونجیت"},
	{"must be at least {} characters", "يجب ألا يقل عن {} من الأحرف", "نابێت لە {} پیت کەمتر بێت", "نابیت ژ {} پیتان کێمتر بیت"},
	{"must be at most {} characters", "يجب ألا يزيد على {} من الأحرف", "نابێت لە {} پیت زیاتر بێت", "نابیت ژ {} پیتان پتر بیت"},
	{"must be in list {}", "يجب أن يكون من القائمة {}", "دەبێت لەم لیستەدا بێت: {}", "دڤێت د ڤێ لیستێ دا بیت: {}"},
	{"value must be one of the defined enum values", "يجب أن يكون من القيم التي يعرّفها العقد", "دەبێت یەکێک لەو نرخانە بێت کە گرێبەستەکە پێناسەی کردوون", "دڤێت ئێک ژ وان بهایان بیت یێن گرێبەستێ دیارکرین"},
	{"must be greater than or equal to {} and less than or equal to {}", "يجب أن يقع بين {} و {}", "دەبێت لە نێوان {} و {} دا بێت", "دڤێت د ناڤبەرا {} و {} دا بیت"},
	{"must contain at least {} item(s)", "يجب أن يحوي {} من العناصر على الأقل", "دەبێت لانی کەم {} دانەی تێدا بێت", "دڤێت ب کێمی {} دانە تێدا بن"},
	{"must contain no more than {} item(s)", "يجب ألا يحوي أكثر من {} من العناصر", "نابێت زیاتر لە {} دانەی تێدا بێت", "نابیت پتر ژ {} دانەیان تێدا بن"},
	{"repeated value must contain unique items", "يجب ألا يتكرر أي عنصر", "نابێت هیچ دانەیەک دووبارە بێت", "نابیت چ دانە دووبارە بن"},
}

// pageRules are those of the door and of the page.
var pageRules = []rule{
	{"must be an encoded message of the method's request type, its texts in UTF-8", "يجب أن يكون رسالة مرمّزة من نوع طلب هذه العملية، ونصوصها بترميز UTF-8", "دەبێت پەیامێکی کۆدکراوی جۆری داواکاریی ئەم کردارە بێت، و دەقەکانی بە UTF-8 بن", "دڤێت پەیامەکا کۆدکری یا جۆرێ داخوازا ڤێ کریارێ بیت، و دەقێن وێ ب UTF-8 بن"},
	{"must hold no more than {} fields and list items", "يجب ألا يحوي أكثر من {} من الحقول وعناصر القوائم", "نابێت زیاتر لە {} خانە و دانەی لیستی تێدا بێت", "نابیت پتر ژ {} خانە و دانەیێن لیستان تێدا بن"},
	{"must not nest messages more than {} deep", "يجب ألا تتداخل الرسائل فيه أكثر من {} من المستويات", "نابێت پەیامەکانی زیاتر لە {} ئاست لەناو یەکتردا بن", "نابیت پەیامێن وێ پتر ژ {} ئاستان د ناڤ ئێک دا بن"},
	{"once, 1 to 64 of A-Z a-z 0-9 . _ -", "مرة واحدة، من 1 إلى 64 من A-Z a-z 0-9 . _ -", "یەک جار، لە 1 تا 64 لە A-Z a-z 0-9 . _ -", "جارەکێ ب تنێ، ژ 1 هەتا 64 ژ A-Z a-z 0-9 . _ -"},
	{"once, a purpose of the contract in lower case", "مرة واحدة، غرض من أغراض العقد بأحرف صغيرة", "یەک جار، مەبەستێکی گرێبەستەکە بە پیتی بچووک", "جارەکێ ب تنێ، مەرەمەکا گرێبەستێ ب پیتێن بچویک"},
	{"once, a role of the contract in lower case", "مرة واحدة، دور من أدوار العقد بأحرف صغيرة", "یەک جار، ڕۆڵێکی گرێبەستەکە بە پیتی بچووک", "جارەکێ ب تنێ، ڕۆلەکێ گرێبەستێ ب پیتێن بچویک"},
	{"no jisr- header but jisr-officer, jisr-purpose and jisr-role", "لا تُقبل ترويسة تبدأ بالمقطع jisr- سوى jisr-officer و jisr-purpose و jisr-role", "جگە لە jisr-officer و jisr-purpose و jisr-role هیچ سەردێڕێک نابێت بە jisr- دەست پێ بکات", "ژ بلی jisr-officer و jisr-purpose و jisr-role نابیت چ سەردێڕ ب jisr- دەست پێ بکەن"},
	{"required by this method", "هذه العملية تتطلبه", "ئەم کردارە پێویستی پێیەتی", "ئەڤ کریارە پێدڤی پێ هەیە"},
	{"holds a field that the contract does not have", "فيه حقل لا يعرفه العقد", "خانەیەکی تێدایە کە لە گرێبەستەکەدا نییە", "خانەکا تێدا هەی کو د گرێبەستێ دا نینە"},
	{"your role may not tell {} of this record", "لا يجوز لدورك أن يبلّغ {} في هذا السجل", "ڕۆڵەکەی تۆ ناتوانێت لەم تۆمارەدا {} ڕابگەیەنێت", "ڕۆلێ تە نەشێت د ڤێ تۆمارێ دا {} ڕابگەهینیت"},
	{"your role may not tell {}", "لا يجوز لدورك أن يبلّغ {}", "ڕۆڵەکەی تۆ ناتوانێت {} ڕابگەیەنێت", "ڕۆلێ تە نەشێت {} ڕابگەهینیت"},
	{"another agency keeps this part, and your agency may not read it: ask whoever {} belongs to", "جهة أخرى تتولى هذا الجزء ولا يجوز لجهتك أن تقرأه: اسأل صاحب {}", "لایەنێکی تر ئەم بەشەی لەلایە و لایەنەکەی تۆ ناتوانێت بیخوێنێتەوە: لە خاوەنی {} بپرسە", "لایەنەکێ دی ئەڤ پشکە ل جەمە و لایەنێ تە نەشێت بخوینیت: ژ خودانێ {} بپرسە"},
	{"must name at least one field", "يجب أن يذكر حقلاً واحداً على الأقل", "دەبێت لانی کەم ناوی یەک خانەی تێدا بێت", "دڤێت ب کێمی ناڤێ ئێک خانەیێ تێدا بیت"},
	{"must begin with a field of {}; * is not accepted", "يجب أن يبدأ بحقل من {}؛ ولا تُقبل العلامة *", "دەبێت بە خانەیەکی {} دەست پێ بکات؛ نیشانەی * وەرناگیرێت", "دڤێت ب خانەکا {} دەست پێ بکەت؛ نیشانا * ناهێتە وەرگرتن"},
	{"names a field that cannot be changed by an update", "يذكر حقلاً لا يُغيَّر بالتعديل", "ناوی خانەیەک دەبات کە بە نوێکردنەوە ناگۆڕدرێت", "ناڤێ خانەکێ دبەت کو ب نویکرنێ ناهێتە گوهۆڕین"},
	{"may name leaves only inside a section that is not repeated", "لا يجوز أن يذكر حقولاً داخلية إلا في قسم غير مكرر", "تەنیا لە بەشێکدا کە دووبارە نابێتەوە دەتوانێت ناوی خانە ناوخۆییەکان ببات", "ب تنێ د پشکەکێ دا کو دووبارە نابیت دشێت ناڤێن خانێن ناڤخۆیی ببەت"},
	{"names something inside a field that has no fields", "يذكر شيئاً داخل حقل لا حقول فيه", "ناوی شتێک دەبات لەناو خانەیەکدا کە خانەی تێدا نییە", "ناڤێ تشتەکی دبەت د ناڤا خانەکێ دا کو خانە تێدا نینن"},
	{"names a field that does not exist", "يذكر حقلاً غير موجود", "ناوی خانەیەک دەبات کە نییە", "ناڤێ خانەکێ دبەت کو نینە"},
	{"must be the unchanged next_page_token of this list", "يجب أن يكون next_page_token لهذه القائمة دون تغيير", "دەبێت next_page_token ی ئەم لیستە بێت بەبێ گۆڕانکاری", "دڤێت next_page_token ا ڤێ لیستێ بیت بێ گوهۆڕین"},
	{"must be the unchanged next_page_token of the same list, by the same agency, role and purpose, within a day and under the same agreement", "يجب أن يكون next_page_token للقائمة نفسها دون تغيير، من الجهة والدور والغرض أنفسها، خلال يوم واحد وفي ظل الاتفاقية نفسها", "دەبێت next_page_token ی هەمان لیست بێت بەبێ گۆڕانکاری، لە هەمان لایەن و ڕۆڵ و مەبەستەوە، لە ماوەی ڕۆژێکدا و لەژێر هەمان ڕێککەوتندا", "دڤێت next_page_token ا هەمان لیستێ بیت بێ گوهۆڕین، ژ هەمان لایەن و ڕۆل و مەرەمێ، د ماوێ ڕۆژەکێ دا و ل بن هەمان ڕێککەفتنێ"},
}
