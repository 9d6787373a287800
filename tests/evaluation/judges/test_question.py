from bertline.evaluation.judges.question import QuestionJudge
from bertline.examples import GoldAnswer, Question
from bertline.features.spans import SpanAnswer


def test_questions_without_a_title_are_a_group_of_their_own() -> None:
    judge = QuestionJudge("1.1")
    questions = [
        Question("0", "", "in 1926", "When?", (GoldAnswer("1926", 3),)),
        Question("1", "Miles", "in Alton", "Where?", (GoldAnswer("Alton", 3),)),
    ]
    answers = [SpanAnswer("1926", 3, 7, 1.0, ()), SpanAnswer("in", 0, 2, 1.0, ())]
    counts = judge.counts(questions, answers)
    assert judge.tables(questions, answers, counts, {})[1].rows == (
        ("Miles", 1, 0.0, 0.0),
        ("without a title", 1, 100.0, 100.0),
    )


def test_answers_without_spaces_are_judged_by_the_official_rules() -> None:
    judge = QuestionJudge("1.1")
    question = Question("0", "", "他生于1926年。", "何时?", (GoldAnswer("1926年", 3),))
    answers = [SpanAnswer(text, 0, 0, 1.0, ()) for text in ("1926年", "1926")]
    # A word is what stands between spaces: a part of the answer has no word of it.
    assert judge.counts([question] * 2, answers)[:, 1:3].tolist() == [[1, 1], [0, 0]]
