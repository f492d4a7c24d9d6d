"""Names and what finds them, for every search by name: people, accounts, contact records."""

from __future__ import annotations

# First and last name: the texts that find it. Nothing here finds two of them.
FOUND_BY = {
    ("Ana", "García Márquez"): ("marquez", "MÁRQUEZ ana", "garcia marq", "garcía"),
    ("Tom", "Smith-Jones"): ("Jones", "smith-jones", "jones tom", "Smith J"),
    ("Jan", "van der Berg"): ("berg", "van der Berg", "der b", "Berg, Jan"),
    ("Sean", "O'Neil"): ("o neil", "oneil", "O\u2019Neil", "neil"),
    ("Kit", "D Angelo"): ("dangelo", "D'Angelo", "angelo"),
    ("龙", "王小"): ("王", "小龙", "王小龙", "小龙王", "小龙 王", "王 小龙"),
    ("민수", "김"): ("김", "민수", "김민수", "민수 김"),
    ("Mai", "李小虎"): ("李", "小虎", "李小虎", "李 小虎", "小虎 李", "mai 小虎"),
}
# Texts that are in a name and begin none of its words.
FOUND_BY_NOTHING = ("arquez", "mith", "erg", "eil", "jones berg", "marquez sean", "虎小")
